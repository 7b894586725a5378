use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::Time;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{MAX_WRITES, typed, untyped};
use crate::{Collection, Doc, Error, Key, Precondition, Store, Version, Write};

/// What a closure given to [`Store::transact`] reads and writes through. Clones are the same transaction.
#[derive(Clone)]
pub struct Transaction {
    store: Store,
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What each read saw.
    seen: BTreeMap<Key, Option<Version>>,
    writes: BTreeMap<Key, Pending>,
}

enum Pending {
    Put { fields: crate::Fields, expire_at: Option<Time>, must_be_new: bool },
    Delete,
}

/// A finished transaction's commit.
pub(crate) struct Gathered {
    pub(crate) writes: Vec<Write>,
    /// The documents that the closure created, whose presence is an answer and no conflict.
    pub(crate) must_be_new: Vec<Key>,
}

impl Transaction {
    pub(crate) fn new(store: Store, name: &'static str) -> Self {
        Self { store, name, state: Arc::default() }
    }

    /// Whose database this is.
    pub fn tenant(&self) -> &kernel::TenantId {
        &self.store.database().tenant
    }

    /// The document with this id. The commit fails, and the closure runs again, where it has changed by then.
    pub async fn get<T: DeserializeOwned>(
        &self,
        collection: &Collection<T>,
        id: &str,
    ) -> Result<Option<Doc<T>>, Error> {
        let key = Key::new(collection.path(), id);
        self.get_keys(vec![key]).await?.pop().flatten().map(typed).transpose()
    }

    /// The documents with these ids, in their order, in one round trip.
    pub async fn get_many<T: DeserializeOwned>(
        &self,
        collection: &Collection<T>,
        ids: &[String],
    ) -> Result<Vec<Option<Doc<T>>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = collection.path();
        let keys = ids.iter().map(|id| Key::new(path.clone(), id)).collect();
        self.get_keys(keys).await?.into_iter().map(|document| document.map(typed).transpose()).collect()
    }

    /// Documents of two collections in one round trip.
    pub async fn get_both<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: (&Collection<A>, &str),
        second: (&Collection<B>, &str),
    ) -> Result<(Option<Doc<A>>, Option<Doc<B>>), Error> {
        let keys = vec![Key::new(first.0.path(), first.1), Key::new(second.0.path(), second.1)];
        let mut documents = self.get_keys(keys).await?.into_iter();
        let a = documents.next().flatten().map(typed).transpose()?;
        let b = documents.next().flatten().map(typed).transpose()?;
        Ok((a, b))
    }

    /// Writes a document, new or not.
    pub fn put<T: Serialize>(&self, collection: &Collection<T>, id: &str, value: &T) -> Result<(), Error> {
        self.write(collection, id, value, None, false)
    }

    /// Writes a document that the store may remove by itself after `expire_at`. The collection has to be
    /// [`Collection::expiring`].
    pub fn put_until<T: Serialize>(
        &self,
        collection: &Collection<T>,
        id: &str,
        value: &T,
        expire_at: Time,
    ) -> Result<(), Error> {
        self.write(collection, id, value, Some(expire_at), false)
    }

    /// Writes a document that must be new; else the transaction ends with [`Error::AlreadyExists`].
    pub fn create<T: Serialize>(&self, collection: &Collection<T>, id: &str, value: &T) -> Result<(), Error> {
        self.write(collection, id, value, None, true)
    }

    /// Writes a document that must be new and that the store may remove by itself after `expire_at`.
    pub fn create_until<T: Serialize>(
        &self,
        collection: &Collection<T>,
        id: &str,
        value: &T,
        expire_at: Time,
    ) -> Result<(), Error> {
        self.write(collection, id, value, Some(expire_at), true)
    }

    /// Removes a document, there or not.
    pub fn delete<T>(&self, collection: &Collection<T>, id: &str) {
        self.state.lock().writes.insert(Key::new(collection.path(), id), Pending::Delete);
    }

    /// Documents of any collections by key, in one round trip, without their types.
    pub async fn get_keys(&self, keys: Vec<Key>) -> Result<Vec<Option<crate::Document>>, Error> {
        {
            let state = self.state.lock();
            if let Some(key) = keys.iter().find(|key| state.writes.contains_key(key)) {
                return Err(Error::ReadAfterWrite { transaction: self.name, key: key.clone() });
            }
        }
        let documents = self.store.get_keys(&keys).await?;
        let mut state = self.state.lock();
        for (key, document) in keys.into_iter().zip(&documents) {
            // The first sight counts: a document that changes between two reads must fail the commit.
            state.seen.entry(key).or_insert(document.as_ref().map(|d| d.version));
        }
        Ok(documents)
    }

    fn write<T: Serialize>(
        &self,
        collection: &Collection<T>,
        id: &str,
        value: &T,
        expire_at: Option<Time>,
        must_be_new: bool,
    ) -> Result<(), Error> {
        let path = collection.path();
        if expire_at.is_some() && !collection.kind().expires {
            return Err(Error::ExpiryNotDeclared { collection: path });
        }
        let fields = untyped(&path, value)?;
        self.state.lock().writes.insert(Key::new(path, id), Pending::Put { fields, expire_at, must_be_new });
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Gathered, Error> {
        let state = std::mem::take(&mut *self.state.lock());
        // A transaction that only read needs no commit: each read was consistent in itself.
        if state.writes.is_empty() {
            return Ok(Gathered { writes: Vec::new(), must_be_new: Vec::new() });
        }
        let as_seen = |seen: Option<Version>| seen.map_or(Precondition::Absent, Precondition::At);
        let mut must_be_new_keys = Vec::new();
        let mut writes = Vec::with_capacity(state.writes.len() + state.seen.len());
        for (key, seen) in &state.seen {
            if !state.writes.contains_key(key) {
                writes.push(Write::Verify { key: key.clone(), precondition: as_seen(*seen) });
            }
        }
        for (key, pending) in state.writes {
            let seen = state.seen.get(&key).copied();
            writes.push(match pending {
                Pending::Put { fields, expire_at, must_be_new: true } => {
                    if let Some(Some(_)) = seen {
                        return Err(Error::AlreadyExists { key });
                    }
                    if seen.is_none() {
                        must_be_new_keys.push(key.clone());
                    }
                    Write::Put { key, fields, expire_at, precondition: Precondition::Absent }
                }
                Pending::Put { fields, expire_at, must_be_new: false } => {
                    Write::Put { key, fields, expire_at, precondition: seen.map_or(Precondition::None, as_seen) }
                }
                Pending::Delete => Write::Delete { key, precondition: seen.map_or(Precondition::None, as_seen) },
            });
        }
        // One place is kept for a companion.
        if writes.len() >= MAX_WRITES {
            return Err(Error::TooLarge {
                what: format!("transaction \"{}\" with {} writes", self.name, writes.len()),
            });
        }
        Ok(Gathered { writes, must_be_new: must_be_new_keys })
    }
}
