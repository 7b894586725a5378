use std::fmt;

use async_trait::async_trait;
use kernel::TenantId;

use crate::place::length_prefixed;
use crate::{DataKeyBytes, Error};

/// A data key as it is stored: encrypted by a key that never leaves its keeper.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which key wrapped it, in the keeper's own words (a key file's key id, a KMS key's version).
    pub wrapped_by: String,
    /// The keeper's ciphertext.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes by {})", self.bytes.len(), self.wrapped_by)
    }
}

/// Wraps data keys under a tenant's key: Cloud KMS, or keys at hand.
///
/// `key_id` is the data key's own id ([`crate::Subject::key_id`]). An implementation binds tenant and `key_id` to the
/// wrapped key, so that one stored under another name does not unwrap.
#[async_trait]
pub trait KeyWrap: Send + Sync {
    /// Encrypts a data key.
    async fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error>;

    /// Decrypts a data key.
    async fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error>;

    /// Which key wraps this tenant's data keys now, in the words of [`WrappedKey::wrapped_by`]. Data keys wrapped by
    /// another one are due to be wrapped again ([`crate::Vault::rewrap`]); until then that one still unwraps.
    async fn current(&self, tenant: &TenantId) -> Result<String, Error>;

    /// What this is, for logs and `/health`.
    fn name(&self) -> &'static str;
}

/// What an implementation of [`KeyWrap`] gives its cipher as associated data, so that a wrapped key unwraps only for this
/// tenant, this data key's id and this wrapping key. `wrapping_key` is whatever of the wrapping key's name is known
/// before it wraps.
pub fn associated_data(tenant: &TenantId, key_id: &str, wrapping_key: &str) -> Vec<u8> {
    length_prefixed("consentmd data key v1", &[tenant.as_str(), key_id, wrapping_key])
}
