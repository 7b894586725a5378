use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Random, RandomExt, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::collection::needed_index;
use crate::transaction::Gathered;
use crate::{
    Backend, Collection, CommitError, Database, Document, Error, Key, Meter, Query, Transaction, Version, Write,
};

/// How often a transaction is tried before it gives up.
const MAX_ATTEMPTS: u32 = 12;
/// The most writes in one commit; Firestore takes 500 with some room needed for index entries.
pub const MAX_WRITES: usize = 400;
/// The largest document, in bytes of its JSON or of the store's own form.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// A document read, with its type.
#[derive(Debug, Clone)]
pub struct Doc<T> {
    /// Its id in its collection.
    pub id: String,
    /// What it says.
    pub value: T,
    /// Which state this is.
    pub version: Version,
}

/// Told of every commit after it happened and before its caller goes on; the outbox publishes from here.
#[async_trait]
pub trait CommitListener: Send + Sync {
    /// These writes are durable.
    async fn committed(&self, database: &Database, writes: &[Write]);
}

/// A write that goes along with every commit of a handle: how a request's idempotency key and its audit entry are
/// durable exactly when its data is.
pub trait Companion: Send + Sync {
    /// The write, as it is to be now; `None` where nothing needs to go along.
    fn goes_along(&self) -> Option<Write>;

    /// What [`Companion::goes_along`] last answered is durable.
    fn went_along(&self) {}
}

impl Companion for Write {
    fn goes_along(&self) -> Option<Write> {
        Some(self.clone())
    }
}

/// One tenant's documents. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    database: Arc<Database>,
    meter: Arc<Meter>,
    listener: Option<Arc<dyn CommitListener>>,
    companions: Vec<Arc<dyn Companion>>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.database.tenant)
    }
}

impl Store {
    /// A handle on one tenant's database. `random` is for the waits between a transaction's attempts.
    pub fn new(backend: Arc<dyn Backend>, database: Database, random: Arc<dyn Random>) -> Self {
        Self {
            backend,
            database: Arc::new(database),
            meter: Arc::default(),
            listener: None,
            companions: Vec::new(),
            random,
        }
    }

    /// The same handle, with a listener for its commits.
    #[must_use]
    pub fn with_listener(mut self, listener: Arc<dyn CommitListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The same handle, with a write that goes along with every commit.
    #[must_use]
    pub fn with_companion(mut self, companion: Arc<dyn Companion>) -> Self {
        self.companions.push(companion);
        self
    }

    /// The same handle without companions, for commits that only prepare and are not yet the effect.
    #[must_use]
    pub fn without_companions(mut self) -> Self {
        self.companions.clear();
        self
    }

    /// Which database this is.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What was done through this handle and its clones.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The document with this id.
    pub async fn get<T: DeserializeOwned>(
        &self,
        collection: &Collection<T>,
        id: &str,
    ) -> Result<Option<Doc<T>>, Error> {
        let key = Key::new(collection.path(), id);
        self.read(std::slice::from_ref(&key)).await?.pop().flatten().map(typed).transpose()
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
        let keys: Vec<Key> = ids.iter().map(|id| Key::new(path.clone(), id)).collect();
        self.read(&keys).await?.into_iter().map(|document| document.map(typed).transpose()).collect()
    }

    /// Documents of any collections by key, in one round trip, without their types.
    pub async fn get_keys(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        if keys.is_empty() { Ok(Vec::new()) } else { self.read(keys).await }
    }

    /// The documents that answer `query`, which has to come from `collection.all()`.
    pub async fn query<T: DeserializeOwned>(
        &self,
        collection: &Collection<T>,
        query: &Query,
    ) -> Result<Vec<Doc<T>>, Error> {
        check_index(collection, query)?;
        let documents = self.backend.query(&self.database, query).await?;
        self.meter.queried(documents.len());
        documents.into_iter().map(typed).collect()
    }

    /// How many documents answer `query`, its cursor and limit left aside.
    pub async fn count<T>(&self, collection: &Collection<T>, query: &Query) -> Result<u64, Error> {
        check_index(collection, query)?;
        self.meter.queried(0);
        self.backend.count(&self.database, query).await
    }

    /// Runs `work` and commits what it wrote, all or nothing; again from the start where another commit came between,
    /// at most 12 times. Ids, times and anything outside the store are made before it, and nothing outside the
    /// store happens in it. `name` is for logs and metrics.
    ///
    /// Pass an `async |tx| { .. }` that borrows what it needs: it is a plain `Fn` then. (The bound is not `AsyncFn`,
    /// because the compiler cannot yet show that such a future may move between threads.)
    pub async fn transact<R, E, F, W>(&self, name: &'static str, work: F) -> Result<R, E>
    where
        F: Fn(Transaction) -> W,
        W: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let mut last_conflict = None;
        for attempt in 1..=MAX_ATTEMPTS {
            let transaction = Transaction::new(self.clone(), name);
            let answer = work(transaction.clone()).await?;
            match self.commit(transaction.finish()).await {
                Ok(()) => return Ok(answer),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Conflict { key }) => last_conflict = key,
            }
            metrics::counter!("store_transaction_retries_total", "transaction" => name).increment(1);
            tokio::time::sleep(self.pause(attempt)).await;
        }
        tracing::warn!(transaction = name, document = ?last_conflict, "transaction gave up: others kept changing its documents");
        Err(Error::Contention { transaction: name, attempts: MAX_ATTEMPTS }.into())
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), Error> {
        self.backend.check(&self.database).await
    }

    /// Removes expired documents, a bounded number of them, and says how many.
    pub async fn purge_expired(&self, now: Time) -> Result<u64, Error> {
        self.backend.purge_expired(&self.database, now).await
    }

    /// Removes from the disk what overwritten and deleted documents left behind; see [`Backend::scrub`].
    pub async fn scrub(&self) -> Result<(), Error> {
        self.backend.scrub(&self.database).await
    }

    pub(crate) async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        self.meter.got(keys.len());
        self.backend.get(&self.database, keys).await
    }

    async fn commit(&self, gathered: Result<Gathered, Error>) -> Result<(), CommitError> {
        let Gathered { mut writes, must_be_new } = gathered?;
        if writes.is_empty() {
            return Ok(());
        }
        writes.extend(self.companions.iter().filter_map(|companion| companion.goes_along()));
        self.meter.committed(writes.iter().filter(|w| !matches!(w, Write::Verify { .. })).count());
        match self.backend.commit(&self.database, &writes).await {
            Ok(()) => {
                self.companions.iter().for_each(|companion| companion.went_along());
                if let Some(listener) = &self.listener {
                    listener.committed(&self.database, &writes).await;
                }
                Ok(())
            }
            // A document that the closure says is new is there: running it again would not change that.
            Err(CommitError::Conflict { key: Some(key) }) if must_be_new.contains(&key) => {
                Err(Error::AlreadyExists { key }.into())
            }
            Err(CommitError::Conflict { key: None }) if !must_be_new.is_empty() => {
                let found = self.read(&must_be_new).await?;
                let taken = must_be_new.into_iter().zip(found).find_map(|(key, document)| document.map(|_| key));
                Err(taken.map_or(CommitError::Conflict { key: None }, |key| Error::AlreadyExists { key }.into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Exponential with full jitter: up to 4 ms after the first attempt, up to half a second later on.
    fn pause(&self, attempt: u32) -> Duration {
        let ceiling_ms = (2_u32 << attempt.min(8)).min(500);
        Duration::from_micros(u64::from(self.random.below(ceiling_ms * 1000)))
    }
}

fn check_index<T>(collection: &Collection<T>, query: &Query) -> Result<(), Error> {
    match needed_index(query) {
        Some(needed) if !collection.indexes().iter().any(|index| needed.is_served_by(index)) => {
            Err(Error::IndexNotDeclared { collection: collection.name().to_owned(), fields: needed.to_string() })
        }
        _ => Ok(()),
    }
}

/// Gives a document its type.
pub fn typed<T: DeserializeOwned>(document: Document) -> Result<Doc<T>, Error> {
    let Document { key, fields, version } = document;
    match serde_path_to_error::deserialize(serde_json::Value::Object(fields)) {
        Ok(value) => Ok(Doc { id: key.id, value, version }),
        Err(error) => {
            let field = error.path().to_string();
            let missing = error.into_inner().to_string().starts_with("missing field");
            let reason = if missing { "a field below it is missing" } else { "it has a value of another kind" };
            Err(Error::Damaged { key, field, reason })
        }
    }
}

pub(crate) fn untyped<T: Serialize>(collection: &str, value: &T) -> Result<crate::Fields, Error> {
    let unstorable = |source| Error::Unstorable { collection: collection.to_owned(), source };
    match serde_json::to_value(value).map_err(unstorable)? {
        serde_json::Value::Object(fields) => Ok(fields),
        _ => Err(unstorable(serde::ser::Error::custom("a document is a JSON object"))),
    }
}
