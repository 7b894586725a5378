use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::aead::LessSafeKey;
use kernel::{Random, TenantId};

use crate::subject_key::{cipher, decrypt, encrypt};
use crate::wrap::associated_data;
use crate::{DataKeyBytes, Error, KeyWrap, WrappedKey};

/// Master keys at hand, the newest of which wraps and all of which unwrap.
pub(crate) struct LocalKeys {
    current: String,
    ciphers: BTreeMap<String, LessSafeKey>,
    random: Arc<dyn Random>,
}

impl LocalKeys {
    /// `None` where `current` is not among `keys`.
    pub(crate) fn new(current: &str, keys: &BTreeMap<String, DataKeyBytes>, random: Arc<dyn Random>) -> Option<Self> {
        if !keys.contains_key(current) {
            return None;
        }
        let ciphers = keys.iter().map(|(id, bytes)| (id.clone(), cipher(bytes))).collect();
        Some(Self { current: current.to_owned(), ciphers, random })
    }

    pub(crate) fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error> {
        let cipher = self.cipher(&self.current, key_id)?;
        let bytes =
            encrypt(cipher, self.random.as_ref(), &associated_data(tenant, key_id, &self.current), data_key.expose());
        Ok(WrappedKey { wrapped_by: self.current.clone(), bytes })
    }

    /// The id of the key that wraps.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// Whether this key is at hand.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ciphers.contains_key(id)
    }

    pub(crate) fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error> {
        let cipher = self.cipher(&wrapped.wrapped_by, key_id)?;
        decrypt(cipher, &associated_data(tenant, key_id, &wrapped.wrapped_by), wrapped.bytes.clone())
            .and_then(|plain| DataKeyBytes::from_slice(&plain))
            .ok_or_else(|| Error::DamagedKey { key_id: key_id.to_owned() })
    }

    fn cipher(&self, wrapped_by: &str, key_id: &str) -> Result<&LessSafeKey, Error> {
        self.ciphers
            .get(wrapped_by)
            .ok_or_else(|| Error::UnknownWrappingKey { key_id: key_id.to_owned(), wrapped_by: wrapped_by.to_owned() })
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKeys({} keys, current {})", self.ciphers.len(), self.current)
    }
}

/// A [`KeyWrap`] whose one master key lives in memory alone, for tests.
#[derive(Debug)]
pub struct MemoryKeys(LocalKeys);

impl MemoryKeys {
    /// A master key from `random`: the same seed gives the same key.
    pub fn seeded(random: Arc<dyn Random>) -> Self {
        let current = "memory".to_owned();
        let ciphers = BTreeMap::from([(current.clone(), cipher(&DataKeyBytes::generate(random.as_ref())))]);
        Self(LocalKeys { current, ciphers, random })
    }
}

#[async_trait]
impl KeyWrap for MemoryKeys {
    async fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error> {
        self.0.wrap(tenant, key_id, data_key)
    }

    async fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error> {
        self.0.unwrap(tenant, key_id, wrapped)
    }

    async fn current(&self, _: &TenantId) -> Result<String, Error> {
        Ok(self.0.current().to_owned())
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}
