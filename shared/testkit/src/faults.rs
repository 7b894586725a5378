use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use kernel::Time;
use parking_lot::Mutex;
use store::{Backend, CommitError, Database, Document, Error, Key, Query, Write};

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    NotCommitted,
    /// Everything is written, and the answer gets lost.
    AnswerLost,
}

/// Commits that are to fail.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Planned>>);

#[derive(Debug)]
struct Planned {
    collection: String,
    /// How many such commits go well before.
    after: u32,
    fault: Fault,
}

impl Faults {
    /// Lets one commit fail: of those that write to a collection of this name (the last part of its path), the one
    /// after `after` others.
    pub fn plan(&self, collection: &str, after: u32, fault: Fault) {
        self.0.lock().push(Planned { collection: collection.to_owned(), after, fault });
    }

    /// Whether everything that was planned has happened.
    pub fn are_over(&self) -> bool {
        self.0.lock().is_empty()
    }

    fn next(&self, writes: &[Write]) -> Option<Fault> {
        let writes_to = |name: &str| {
            let is_it = |w: &Write| w.key().collection.rsplit('/').next() == Some(name);
            writes.iter().any(|w| !matches!(w, Write::Verify { .. }) && is_it(w))
        };
        let mut all = self.0.lock();
        let mut due = None;
        for (index, planned) in all.iter_mut().enumerate().filter(|(_, planned)| writes_to(&planned.collection)) {
            match planned.after.checked_sub(1) {
                Some(left) => planned.after = left,
                None => due = due.or(Some(index)),
            }
        }
        due.map(|index| all.remove(index).fault)
    }
}

/// Fails a test that stores something in a collection which is in no list: in the cloud it would have no settings.
fn declared(writes: &[Write]) {
    static KINDS: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| runtime::declared_kinds().into_iter().map(|kind| kind.name).collect());
    for write in writes.iter().filter(|write| matches!(write, Write::Put { .. })) {
        let name = write.key().collection.rsplit('/').next().unwrap_or_default();
        // A test's own collections begin with "test-".
        assert!(KINDS.contains(name) || name.starts_with("test-"), "the collection \"{name}\" is not in model::kinds");
    }
}

/// A backend with faults.
pub(crate) struct FaultyBackend {
    pub(crate) inner: Arc<dyn Backend>,
    pub(crate) faults: Arc<Faults>,
}

#[async_trait]
impl Backend for FaultyBackend {
    async fn get(&self, database: &Database, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        self.inner.get(database, keys).await
    }

    async fn query(&self, database: &Database, query: &Query) -> Result<Vec<Document>, Error> {
        self.inner.query(database, query).await
    }

    async fn count(&self, database: &Database, query: &Query) -> Result<u64, Error> {
        self.inner.count(database, query).await
    }

    async fn commit(&self, database: &Database, writes: &[Write]) -> Result<(), CommitError> {
        declared(writes);
        let Some(fault) = self.faults.next(writes) else { return self.inner.commit(database, writes).await };
        if fault == Fault::AnswerLost {
            self.inner.commit(database, writes).await?;
        }
        Err(Error::Unavailable("a planned fault".into()).into())
    }

    async fn check(&self, database: &Database) -> Result<(), Error> {
        self.inner.check(database).await
    }

    async fn purge_expired(&self, database: &Database, now: Time) -> Result<u64, Error> {
        self.inner.purge_expired(database, now).await
    }

    async fn scrub(&self, database: &Database) -> Result<(), Error> {
        self.inner.scrub(database).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
