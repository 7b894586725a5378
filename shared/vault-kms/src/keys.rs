use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Clock, TenantId, Time};
use parking_lot::Mutex;
use vault::{DataKeyBytes, Error, KeyWrap, WrappedKey, associated_data};

use crate::service::KeyService;
use crate::{KmsConfig, KmsError};

/// How long it is remembered which version of a key is the primary one.
const PRIMARY_KEPT_FOR: Duration = Duration::from_secs(60);

/// The [`KeyWrap`] of Google Cloud: a key `tenant-<tenant id>` for each tenant, in one key ring of Cloud KMS.
///
/// A wrapped key says by which version of it: `tenant-<tenant id>/cryptoKeyVersions/<number>`. The ciphertext is bound to
/// the tenant, the data key's id and the key, not to the version, which KMS itself writes into the ciphertext.
pub struct KmsKeys {
    config: KmsConfig,
    service: KeyService,
    clock: Arc<dyn Clock>,
    primaries: Mutex<HashMap<TenantId, Kept>>,
}

struct Kept {
    wrapped_by: String,
    until: Time,
}

impl KmsKeys {
    /// Keys that are there already; this makes none.
    pub fn new(config: KmsConfig, clock: Arc<dyn Clock>) -> Self {
        Self { service: KeyService::new(config.clone()), config, clock, primaries: Mutex::default() }
    }

    /// The short and the full name of a tenant's key.
    fn key_of(&self, tenant: &TenantId) -> Result<(String, String), KmsError> {
        let name = KmsConfig::key_name(tenant)?;
        let full_name = self.config.full_name(&name);
        Ok((name, full_name))
    }

    async fn encrypt(&self, tenant: &TenantId, key_id: &str, plain: &DataKeyBytes) -> Result<WrappedKey, KmsError> {
        let (name, full_name) = self.key_of(tenant)?;
        let bound = associated_data(tenant, key_id, &name);
        let encrypted = self.service.encrypt(&full_name, plain, &bound).await?;
        Ok(WrappedKey { wrapped_by: wrapped_by(&name, &encrypted.version), bytes: encrypted.ciphertext })
    }

    async fn primary(&self, tenant: &TenantId) -> Result<String, KmsError> {
        let (name, full_name) = self.key_of(tenant)?;
        let now = self.clock.now();
        if let Some(kept) = self.primaries.lock().get(tenant).filter(|kept| now < kept.until) {
            return Ok(kept.wrapped_by.clone());
        }
        let primary = wrapped_by(&name, &self.service.primary(&full_name).await?);
        let kept = Kept { wrapped_by: primary.clone(), until: now.plus(PRIMARY_KEPT_FOR) };
        self.primaries.lock().insert(tenant.clone(), kept);
        Ok(primary)
    }
}

#[async_trait]
impl KeyWrap for KmsKeys {
    async fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error> {
        self.encrypt(tenant, key_id, data_key).await.map_err(|error| of_vault(error, key_id))
    }

    async fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error> {
        let (name, full_name) = self.key_of(tenant).map_err(|error| of_vault(error, key_id))?;
        match wrapped.wrapped_by.split_once("/cryptoKeyVersions/") {
            Some((key, _)) if key == name => {}
            Some(_) => return Err(Error::DamagedKey { key_id: key_id.to_owned() }),
            None => {
                let wrapped_by = wrapped.wrapped_by.clone();
                return Err(Error::UnknownWrappingKey { key_id: key_id.to_owned(), wrapped_by });
            }
        }
        let bound = associated_data(tenant, key_id, &name);
        let decrypted = self.service.decrypt(&full_name, &wrapped.bytes, &bound).await;
        let data_key = decrypted.map_err(|error| of_vault(error, key_id))?;
        data_key.ok_or_else(|| Error::DamagedKey { key_id: key_id.to_owned() })
    }

    async fn current(&self, tenant: &TenantId) -> Result<String, Error> {
        // It is asked for no data key in particular.
        self.primary(tenant).await.map_err(|error| of_vault(error, "(any)"))
    }

    fn name(&self) -> &'static str {
        "cloud-kms"
    }
}

impl fmt::Debug for KmsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsKeys({})", self.config.key_ring())
    }
}

fn wrapped_by(key_name: &str, version: &str) -> String {
    format!("{key_name}/cryptoKeyVersions/{version}")
}

fn of_vault(error: KmsError, key_id: &str) -> Error {
    let key_id = key_id.to_owned();
    match error {
        KmsError::Damaged { .. } => {
            tracing::warn!(%error, data_key = key_id, "a stored data key does not unwrap");
            Error::DamagedKey { key_id }
        }
        error if error.is_retryable() => Error::KeyServiceUnavailable { key_id, source: Box::new(error) },
        error => Error::KeyServiceRefused { key_id, source: Box::new(error) },
    }
}
