//! The Cloud KMS keys that wrap tenants' data keys.

use std::sync::Arc;
use std::time::Duration;

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_kms_v1::model::crypto_key::CryptoKeyPurpose;
use google_cloud_kms_v1::model::crypto_key_version::{CryptoKeyVersionAlgorithm, CryptoKeyVersionState};
use google_cloud_kms_v1::model::{CryptoKey, CryptoKeyVersionTemplate, ProtectionLevel};
use kernel::{Clock, TenantId};
use vault_kms::KmsConfig;

use crate::failure::{Call, Needs, is};
use crate::{GoogleProject, Made, Problem, SetupError};

/// After how long a key gets a new version, which wraps from then on.
const ROTATION: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long a destroyed version can be restored.
const DESTRUCTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where a key's material is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// In software.
    #[default]
    Software,
    /// In a hardware security module; costs more.
    Hsm,
}

/// The keys of tenants in a key ring: `tenant-<tenant id>`.
pub struct TenantKeys {
    project: GoogleProject,
    key_ring: String,
    protection: Protection,
    clock: Arc<dyn Clock>,
}

impl TenantKeys {
    /// Those in `key_ring` (`projects/P/locations/L/keyRings/R`).
    pub fn new(
        project: GoogleProject,
        key_ring: impl Into<String>,
        protection: Protection,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { project, key_ring: key_ring.into(), protection, clock }
    }

    /// Makes the tenant's key where there is none: it rotates every 90 days, and a destroyed version can be restored for 30.
    /// One that is there stays as it is.
    ///
    /// # Errors
    /// [`SetupError::Differs`] where the key that is there cannot wrap data keys.
    pub async fn ensure(&self, tenant: &TenantId) -> Result<Made, SetupError> {
        let name = self.name(tenant)?;
        if let Some(found) = self.find(&name).await? {
            return was_there(name, &found);
        }
        let id = name.rsplit('/').next().unwrap_or_default();
        let client = self.project.connection().kms().await?;
        let request = client.create_crypto_key().set_parent(&self.key_ring).set_crypto_key_id(id);
        // A second attempt cannot make a second key: it is answered by "already exists".
        let made = request.set_crypto_key(self.to_key()).with_idempotency(true).send().await;
        match made {
            Ok(_) => Ok(Made::Made),
            Err(error) if is(&error, Code::AlreadyExists) => match self.find(&name).await? {
                Some(found) => was_there(name, &found),
                None => Err(call("create", &name).failed(&error)),
            },
            Err(error) if is(&error, Code::NotFound) => Err(SetupError::Missing {
                name: self.key_ring.clone(),
                advice: "terraform apply makes the key ring; KMS_KEY_RING names it",
            }),
            Err(error) => Err(call("create", &name).failed(&error)),
        }
    }

    /// What keeps the tenant's key from wrapping data keys; nothing where it can. Reads only.
    pub async fn check(&self, tenant: &TenantId) -> Result<Vec<Problem>, SetupError> {
        let name = self.name(tenant)?;
        let missing = || Problem::Setting { setting: "key", found: "missing".to_owned(), planned: name.clone() };
        Ok(self.find(&name).await?.map_or_else(|| vec![missing()], |found| differences(&found)))
    }

    fn name(&self, tenant: &TenantId) -> Result<String, SetupError> {
        // As functions look for it.
        let id = KmsConfig::key_name(tenant).map_err(|_| SetupError::KeyId { tenant: tenant.to_string() })?;
        Ok(format!("{}/cryptoKeys/{id}", self.key_ring))
    }

    async fn find(&self, name: &str) -> Result<Option<CryptoKey>, SetupError> {
        let client = self.project.connection().kms().await?;
        match client.get_crypto_key().set_name(name).send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is(&error, Code::NotFound) => Ok(None),
            Err(error) => Err(call("get", name).failed(&error)),
        }
    }

    fn to_key(&self) -> CryptoKey {
        let protection = match self.protection {
            Protection::Software => ProtectionLevel::Software,
            Protection::Hsm => ProtectionLevel::Hsm,
        };
        let template = CryptoKeyVersionTemplate::new()
            .set_algorithm(CryptoKeyVersionAlgorithm::GoogleSymmetricEncryption)
            .set_protection_level(protection);
        let next = self.clock.now().plus(ROTATION);
        CryptoKey::new()
            .set_purpose(CryptoKeyPurpose::EncryptDecrypt)
            .set_version_template(template)
            .set_rotation_period(seconds(ROTATION))
            .set_next_rotation_time(google_cloud_wkt::Timestamp::clamp(next.as_secs(), 0))
            .set_destroy_scheduled_duration(seconds(DESTRUCTION))
    }
}

impl std::fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantKeys({})", self.key_ring)
    }
}

const fn call<'a>(operation: &'static str, name: &'a str) -> Call<'a> {
    Call { operation, name, needs: Needs::KEYS }
}

fn seconds(duration: Duration) -> google_cloud_wkt::Duration {
    google_cloud_wkt::Duration::clamp(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), 0)
}

fn was_there(name: String, found: &CryptoKey) -> Result<Made, SetupError> {
    let problems = differences(found);
    if problems.is_empty() { Ok(Made::WasThere) } else { Err(SetupError::Differs { name, problems }) }
}

/// What makes a key useless for wrapping. Another protection or rotation is somebody's decision.
fn differences(found: &CryptoKey) -> Vec<Problem> {
    let mut problems = Vec::new();
    if found.purpose != CryptoKeyPurpose::EncryptDecrypt {
        let is = found.purpose.name().unwrap_or("unknown").to_owned();
        problems.push(Problem::Setting { setting: "purpose", found: is, planned: "ENCRYPT_DECRYPT".to_owned() });
    }
    let state = found.primary.as_ref().map(|version| &version.state);
    if state != Some(&CryptoKeyVersionState::Enabled) {
        let is = state.and_then(|state| state.name()).unwrap_or("missing").to_owned();
        problems.push(Problem::Setting { setting: "primary version", found: is, planned: "ENABLED".to_owned() });
    }
    problems
}
