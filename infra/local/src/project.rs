//! The Google project that a command works on, beside the stored data: what Terraform and `consentmd admin` make there.

use std::sync::Arc;

use anyhow::{Context, bail};
use google_setup::{
    DatabaseId, DatabasePlan, Databases, FirestorePlan, GoogleProject, GoogleSecrets, Made, Protection, SIGNING_KEY,
    Secrets, SigningKeySecrets, TenantKeys, VERIFYING_KEYS, Waits,
};
use kernel::{Phi, SystemClock, TenantId};
use runtime::{Config, KeyKeeper, PlatformKind, TokenKeys};

use crate::cloud;

/// A Google project with its settings.
pub struct Project {
    google: GoogleProject,
    key_ring: Option<String>,
    location: String,
}

impl Project {
    /// The project that the configuration names; `None` on one machine, and with emulators, which need no setting up.
    pub fn of(config: &Config) -> Option<Self> {
        let id = config.project.as_ref()?;
        if config.platform == PlatformKind::Local {
            return None;
        }
        let google = match &config.google_apis {
            Some(endpoint) => GoogleProject::at(endpoint.clone(), id.clone(), Waits::default()),
            None if config.firestore_emulator.is_some() => return None,
            None => GoogleProject::new(id.clone()),
        };
        let key_ring = match &config.key_keeper {
            KeyKeeper::Kms(ring) => Some(ring.clone()),
            KeyKeeper::File(_) => None,
        };
        Some(Self { google, key_ring, location: config.firestore_location.clone() })
    }

    /// The project, or an error that says that there is none to work on.
    pub fn needed(config: &Config) -> anyhow::Result<Self> {
        Self::of(config).context(
            "this works on a Google project: set PLATFORM=google and GOOGLE_CLOUD_PROJECT. On one machine the signing \
             key is the file signing-key.pem in DATA_DIR, made at the first start",
        )
    }

    /// The project's id.
    pub fn id(&self) -> &str {
        self.google.id()
    }

    /// The secret manager.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::new(GoogleSecrets::new(self.google.clone()))
    }

    /// The keys that sign access tokens and statements.
    pub fn signing_keys(&self) -> SigningKeySecrets {
        SigningKeySecrets::new(self.secrets(), Arc::new(SystemClock))
    }

    /// The keys that wrap tenants' data keys; `None` where a file has them.
    pub fn tenant_keys(&self) -> Option<TenantKeys> {
        let ring = self.key_ring.clone()?;
        Some(TenantKeys::new(self.google.clone(), ring, Protection::Software, Arc::new(SystemClock)))
    }

    /// The databases.
    pub fn databases(&self) -> Databases {
        Databases::new(self.google.clone())
    }

    /// A database as the code wants it.
    pub fn plan(&self, database: &str, prefix: &str) -> anyhow::Result<DatabasePlan> {
        let firestore: FirestorePlan = serde_json::from_value(cloud::firestore())?;
        let mut plan = DatabasePlan::new(database.parse::<DatabaseId>()?, self.location.clone(), firestore);
        prefix.clone_into(&mut plan.prefix);
        Ok(plan)
    }

    /// Makes what a new tenant needs, or what of it is missing: the key that wraps its data keys, and its database.
    /// Answers with what is to be told; `tell` hears of each step, since Google takes minutes for some.
    pub async fn provide_for(
        &self,
        tenant: &TenantId,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let plan = self.plan(DatabaseId::of_tenant(tenant)?.as_str(), "")?;
        if let Some(keys) = self.tenant_keys() {
            let made = keys.ensure(tenant).await?;
            tell(&format!(
                "{} tenant-{tenant} in Cloud KMS",
                if made == Made::Made { "made key" } else { "found key" }
            ));
        }
        let made = self.databases().telling(move |step| tell(&step.to_string())).ensure(&plan).await?;
        tracing::info!(%tenant, made = made == Made::Made, "the tenant's database is there");
        Ok(())
    }

    /// The configuration with the token keys of the secrets, where the environment gives none.
    pub async fn with_token_keys(&self, mut config: Config) -> anyhow::Result<Config> {
        if !matches!(config.token_keys, TokenKeys::File) {
            return Ok(config);
        }
        let state = self.signing_keys().state().await?;
        if state.signing.is_none() {
            bail!("no signing key was made yet: run `consentmd admin ensure-signing-key`, as the deployment does");
        }
        let secrets = self.secrets();
        config.token_keys = match secrets.latest(SIGNING_KEY).await? {
            Some((_, text)) => TokenKeys::Signing(Phi::new(text.reveal().to_owned())),
            None => bail!("the secret {SIGNING_KEY} has no enabled version; {VERIFYING_KEYS} alone signs nothing"),
        };
        Ok(config)
    }
}
