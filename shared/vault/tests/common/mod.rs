//! A store in memory, a clock that stands still and seeded randomness.

#![expect(unreachable_pub, reason = "each test file takes what it needs from here")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test file takes what it needs from here")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use kernel::{Clock, Random, TenantId, Time};
use parking_lot::Mutex;
use store::{Backend, CommitError, Database, Document, Error, Fields, Key, Precondition, Query, Store, Version, Write};

/// SplitMix64: quick, and the same for the same seed.
pub struct Seeded(AtomicU64);

impl Seeded {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that a test moves.
pub struct HeldClock(AtomicI64);

impl HeldClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_700_000_000_000)))
    }

    pub fn advance_secs(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::Relaxed))
    }
}

type Documents = BTreeMap<(TenantId, Key), (Fields, Version)>;

#[derive(Default)]
pub struct MemoryStore {
    documents: Mutex<(Documents, i64)>,
}

#[async_trait]
impl Backend for MemoryStore {
    async fn get(&self, database: &Database, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        let state = self.documents.lock();
        let find = |key: &Key| state.0.get(&(database.tenant.clone(), key.clone()));
        let document = |key: &Key| {
            find(key).map(|(fields, version)| Document { key: key.clone(), fields: fields.clone(), version: *version })
        };
        Ok(keys.iter().map(document).collect())
    }

    async fn query(&self, _: &Database, _: &Query) -> Result<Vec<Document>, Error> {
        Err(Error::Refused("these tests do not query".into()))
    }

    async fn count(&self, _: &Database, _: &Query) -> Result<u64, Error> {
        Err(Error::Refused("these tests do not count".into()))
    }

    async fn commit(&self, database: &Database, writes: &[Write]) -> Result<(), CommitError> {
        let mut state = self.documents.lock();
        let place = |key: &Key| (database.tenant.clone(), key.clone());
        for write in writes {
            let (Write::Put { key, precondition, .. }
            | Write::Delete { key, precondition }
            | Write::Verify { key, precondition }) = write;
            let present = state.0.get(&place(key)).map(|(_, version)| *version);
            let holds = match precondition {
                Precondition::None => true,
                Precondition::Absent => present.is_none(),
                Precondition::At(version) => present == Some(*version),
            };
            if !holds {
                return Err(CommitError::Conflict { key: Some(key.clone()) });
            }
        }
        for write in writes {
            state.1 += 1;
            let version = Version(state.1);
            match write {
                Write::Put { key, fields, .. } => drop(state.0.insert(place(key), (fields.clone(), version))),
                Write::Delete { key, .. } => drop(state.0.remove(&place(key))),
                Write::Verify { .. } => {}
            }
        }
        Ok(())
    }

    async fn check(&self, _: &Database) -> Result<(), Error> {
        Ok(())
    }

    async fn purge_expired(&self, _: &Database, _: Time) -> Result<u64, Error> {
        Ok(0)
    }
}

/// A tenant's store on `backend`.
pub fn store_of(backend: &Arc<MemoryStore>, tenant: &str) -> Store {
    let database = Database {
        tenant: tenant.parse().unwrap(),
        project: String::new(),
        name: tenant.to_owned(),
        prefix: String::new(),
    };
    Store::new(Arc::clone(backend) as Arc<dyn Backend>, database, Seeded::new(7))
}
