use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{Clock, Random, TenantId, Time};
use lru::LruCache;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Collection, Store, Transaction};

mod rotation;

pub use rotation::{KeyCounts, Rewrapped};

use crate::{BlindIndex, DataKeyBytes, Error, KeyWrap, Subject, SubjectKey, WrappedKey};

/// The wrapped data keys of a tenant, each under its subject's [`Subject::key_id`].
pub const DATA_KEYS: Collection<StoredKey> = Collection::top("data-keys", &[]);

/// How long an unwrapped key is kept. A key destroyed elsewhere is of no use after this.
pub const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// How many unwrapped keys are kept.
const KEPT_KEYS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
/// How many keys are unwrapped at once.
const UNWRAPS_AT_ONCE: usize = 16;

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoredKey {
    /// Which key wrapped it.
    pub wrapped_by: String,
    /// The wrapped key, in base64; `None` once it is destroyed. The document stays then, so that no new key takes its
    /// place unnoticed.
    pub wrapped_key: Option<String>,
    /// When it was made, or destroyed.
    pub since: Time,
}

impl StoredKey {
    /// The SHA-256 of the wrapped key, in hexadecimal digits: what a certificate of its destruction says of it. `None`
    /// where it is destroyed. (Of a damaged one, that of its text.)
    pub fn fingerprint(&self) -> Option<String> {
        let text = self.wrapped_key.as_ref()?;
        let wrapped = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
        let hash = digest::digest(&digest::SHA256, &wrapped);
        Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn wrapped(&self, key_id: &str) -> Result<WrappedKey, Error> {
        let damaged = || Error::DamagedKey { key_id: key_id.to_owned() };
        let encoded = self.wrapped_key.as_ref().ok_or_else(damaged)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| damaged())?;
        Ok(WrappedKey { wrapped_by: self.wrapped_by.clone(), bytes })
    }

    fn new(wrapped: WrappedKey, since: Time) -> Self {
        Self { wrapped_by: wrapped.wrapped_by, wrapped_key: Some(STANDARD.encode(wrapped.bytes)), since }
    }
}

/// Finds, makes and keeps the data keys of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    wrap: Arc<dyn KeyWrap>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    kept: Mutex<LruCache<(TenantId, String), Kept>>,
}

struct Kept {
    key: SubjectKey,
    until: Time,
}

/// A new data key that is not stored yet.
pub struct FreshKey {
    tenant: TenantId,
    key_id: String,
    stored: StoredKey,
    key: SubjectKey,
}

impl FreshKey {
    /// Stores the key in the same commit as what it seals. The transaction ends with `AlreadyExists` where the subject
    /// has a key.
    pub fn save(&self, transaction: &Transaction) -> Result<(), store::Error> {
        transaction.create(&DATA_KEYS, &self.key_id, &self.stored)
    }

    /// The key, to seal what the same commit writes.
    pub const fn key(&self) -> &SubjectKey {
        &self.key
    }
}

impl fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreshKey({})", self.key_id)
    }
}

impl Vault {
    /// A vault whose data keys are wrapped by `wrap`.
    pub fn new(wrap: Arc<dyn KeyWrap>, random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { wrap, random, clock, kept: Mutex::new(LruCache::new(KEPT_KEYS)) }))
    }

    /// What wraps the data keys, for logs and `/health`.
    pub fn key_service(&self) -> &'static str {
        self.0.wrap.name()
    }

    /// A new key for a subject, to be stored by [`FreshKey::save`] and, after the commit, kept by [`Vault::remember`].
    pub async fn fresh_key(&self, tenant: &TenantId, subject: &Subject) -> Result<FreshKey, Error> {
        let key_id = subject.key_id();
        let bytes = DataKeyBytes::generate(self.0.random.as_ref());
        let wrapped = self.0.wrap.wrap(tenant, &key_id, &bytes).await?;
        let stored = StoredKey::new(wrapped, self.0.clock.now());
        let key = SubjectKey::new(bytes, Arc::clone(&self.0.random));
        Ok(FreshKey { tenant: tenant.clone(), key_id, stored, key })
    }

    /// Keeps a fresh key at hand, which spares its first read. Only after the commit that stored it.
    pub fn remember(&self, fresh: FreshKey) -> SubjectKey {
        self.keep(&fresh.tenant, fresh.key_id, &fresh.key);
        fresh.key
    }

    /// A subject's key: kept, or by one read and one unwrap.
    pub async fn key(&self, store: &Store, subject: &Subject) -> Result<SubjectKey, Error> {
        self.find(store, subject).await?.ok_or_else(|| Error::KeyMissing { key_id: subject.key_id() })
    }

    /// The keys of several subjects, by one read of those that are not kept. Subjects without a key are left out.
    pub async fn keys(&self, store: &Store, subjects: &[Subject]) -> Result<HashMap<Subject, SubjectKey>, Error> {
        let tenant = &store.database().tenant;
        let mut found = HashMap::with_capacity(subjects.len());
        let mut wanted: HashMap<String, &Subject> = HashMap::new();
        for subject in subjects {
            let key_id = subject.key_id();
            match self.kept(tenant, &key_id) {
                Some(key) => drop(found.insert(subject.clone(), key)),
                None => drop(wanted.insert(key_id, subject)),
            }
        }
        let ids: Vec<String> = wanted.keys().cloned().collect();
        let stored = store.get_many(&DATA_KEYS, &ids).await?;
        let present = stored.into_iter().flatten().filter(|document| document.value.wrapped_key.is_some());
        let unwrapped: Vec<(String, SubjectKey)> = stream::iter(present)
            .map(async |document| {
                let key = self.unwrap(tenant, &document.id, &document.value).await?;
                Ok::<_, Error>((document.id, key))
            })
            .buffer_unordered(UNWRAPS_AT_ONCE)
            .try_collect()
            .await?;
        for (key_id, key) in unwrapped {
            if let Some(subject) = wanted.get(&key_id) {
                found.insert((*subject).clone(), key);
            }
        }
        Ok(found)
    }

    /// Whether a subject's key is at hand, so that using it costs nothing.
    pub fn is_kept(&self, store: &Store, subject: &Subject) -> bool {
        self.kept(&store.database().tenant, &subject.key_id()).is_some()
    }

    /// Where a subject's key is stored, to read it in one batch with what it opens; then [`Vault::admit`] it.
    pub fn document_key(subject: &Subject) -> store::Key {
        store::Key::new(DATA_KEYS.path(), subject.key_id())
    }

    /// Unwraps a key's document that was read with others, and keeps it at hand.
    pub async fn admit(&self, store: &Store, document: store::Document) -> Result<(), Error> {
        let damaged = || Error::DamagedKey { key_id: document.key.id.clone() };
        let stored: StoredKey = serde_json::from_value(document.fields.clone().into()).map_err(|_| damaged())?;
        if stored.wrapped_key.is_some() {
            self.unwrap(&store.database().tenant, &document.key.id, &stored).await?;
        }
        Ok(())
    }

    /// A subject's key, made and stored where there is none. Of several callers at once, all get the same key. A
    /// destroyed key is not replaced: that is [`Error::KeyMissing`].
    pub async fn ensure_key(&self, store: &Store, subject: &Subject) -> Result<SubjectKey, Error> {
        if let Some(key) = self.find(store, subject).await? {
            return Ok(key);
        }
        let fresh = self.fresh_key(&store.database().tenant, subject).await?;
        // A key is no effect of the request that first needs it.
        let quiet = store.clone().without_companions();
        match quiet.transact("vault-ensure-key", async |tx| fresh.save(&tx)).await {
            Ok(()) => Ok(self.remember(fresh)),
            // Another one was first, or a destroyed key is in the way.
            Err(store::Error::AlreadyExists { .. }) => self.key(store, subject).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Destroys a subject's key, and with it whatever is sealed under it, when the transaction commits. Call
    /// [`Vault::forget`] afterwards; other processes keep the key for at most five minutes more.
    pub fn destroy_key(&self, transaction: &Transaction, subject: &Subject, now: Time) -> Result<(), store::Error> {
        let destroyed = StoredKey { wrapped_by: String::new(), wrapped_key: None, since: now };
        transaction.put(&DATA_KEYS, &subject.key_id(), &destroyed)
    }

    /// Drops an unwrapped key that is kept.
    pub fn forget(&self, tenant: &TenantId, subject: &Subject) {
        self.0.kept.lock().pop(&(tenant.clone(), subject.key_id()));
    }

    /// The tenant's blind index, under a key derived from the tenant's own data key, which is made where there is none.
    pub async fn blind_index(&self, store: &Store) -> Result<BlindIndex, Error> {
        Ok(BlindIndex::new(&self.ensure_key(store, &Subject::Tenant).await?))
    }

    async fn find(&self, store: &Store, subject: &Subject) -> Result<Option<SubjectKey>, Error> {
        let tenant = &store.database().tenant;
        let key_id = subject.key_id();
        if let Some(key) = self.kept(tenant, &key_id) {
            return Ok(Some(key));
        }
        match store.get(&DATA_KEYS, &key_id).await? {
            Some(document) if document.value.wrapped_key.is_some() => {
                Ok(Some(self.unwrap(tenant, &key_id, &document.value).await?))
            }
            _ => Ok(None),
        }
    }

    async fn unwrap(&self, tenant: &TenantId, key_id: &str, stored: &StoredKey) -> Result<SubjectKey, Error> {
        let bytes = self.0.wrap.unwrap(tenant, key_id, &stored.wrapped(key_id)?).await?;
        let key = SubjectKey::new(bytes, Arc::clone(&self.0.random));
        self.keep(tenant, key_id.to_owned(), &key);
        Ok(key)
    }

    fn kept(&self, tenant: &TenantId, key_id: &str) -> Option<SubjectKey> {
        let place = (tenant.clone(), key_id.to_owned());
        let mut all = self.0.kept.lock();
        match all.get(&place) {
            Some(kept) if self.0.clock.now() < kept.until => Some(kept.key.clone()),
            Some(_) => {
                all.pop(&place);
                None
            }
            None => None,
        }
    }

    fn keep(&self, tenant: &TenantId, key_id: String, key: &SubjectKey) {
        let until = self.0.clock.now().plus(KEPT_FOR);
        self.0.kept.lock().put((tenant.clone(), key_id), Kept { key: key.clone(), until });
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.key_service())
    }
}
