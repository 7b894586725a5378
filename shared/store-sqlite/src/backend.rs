use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::Time;
use parking_lot::Mutex;
use rusqlite::{Connection, params};
use serde_json::Value;
use store::{
    Backend, CommitError, Database, Document, Error, Key, MAX_DOCUMENT_BYTES, MAX_WRITES, Query, Write as PortWrite,
};
use tokio::sync::OnceCell;

use crate::engine::{self, Engine};
use crate::error::{closed, from_sqlite};
use crate::place::{Place, check_database};
use crate::read;
use crate::schema::{Declared, Schema, tables};
use crate::writer::{Change, Write};

/// How many documents one purge removes at most, so that commits do not wait long for it.
const MAX_PURGED: u64 = 500;
/// How deep a document may nest; reading it back stops at 128.
const MAX_DEPTH: usize = 100;

/// The document store on SQLite. Databases are opened when they are first used and stay open.
pub struct SqliteBackend {
    /// `None` in memory.
    folder: Option<PathBuf>,
    schema: Arc<Schema>,
    /// `None` after the store was closed.
    engines: Mutex<Option<Engines>>,
}

/// Open databases and those that are being opened, by name.
type Engines = HashMap<String, Arc<OnceCell<Arc<Engine>>>>;

impl std::fmt::Debug for SqliteBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBackend").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl SqliteBackend {
    /// A store in a folder: a file `<name>.db` for each database. Nothing is opened yet.
    pub fn open(folder: PathBuf, schema: Vec<Declared>) -> Self {
        Self::new(Some(folder), schema)
    }

    /// A store that ends with this value.
    pub fn in_memory(schema: Vec<Declared>) -> Self {
        Self::new(None, schema)
    }

    fn new(folder: Option<PathBuf>, schema: Vec<Declared>) -> Self {
        let engines = Mutex::new(Some(HashMap::new()));
        Self { folder, schema: Arc::new(Schema::new(schema)), engines }
    }

    /// Ends what runs, moves each log into its file and closes it. What is asked afterwards is refused.
    pub async fn close(&self) {
        let Some(engines) = self.engines.lock().take() else { return };
        for engine in engines.into_values() {
            if let Some(engine) = engine.get() {
                engine.close().await;
            }
        }
    }

    /// The database's engine, which is opened where it is not.
    async fn engine(&self, database: &Database) -> Result<Arc<Engine>, Error> {
        check_database(database)?;
        let cell = {
            let mut engines = self.engines.lock();
            Arc::clone(engines.as_mut().ok_or_else(closed)?.entry(database.name.clone()).or_default())
        };
        let (folder, name, schema) = (self.folder.clone(), database.name.clone(), Arc::clone(&self.schema));
        let engine = cell
            .get_or_try_init(|| async move {
                let open = move || match folder {
                    Some(folder) => Engine::open(&folder, &name, schema),
                    None => Engine::in_memory(&name, schema),
                };
                let opened = tokio::task::spawn_blocking(open).await;
                opened.map_err(|error| Error::Unavailable(Box::new(error)))?.map(Arc::new)
            })
            .await?;
        Ok(Arc::clone(engine))
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    async fn get(&self, database: &Database, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        let place = |key: &Key| Ok((Place::of(database, key)?, key.clone()));
        let wanted: Vec<(Place, Key)> = keys.iter().map(place).collect::<Result<_, Error>>()?;
        self.engine(database).await?.read(move |connection| read::get(connection, &wanted)).await
    }

    async fn query(&self, database: &Database, query: &Query) -> Result<Vec<Document>, Error> {
        query.check()?;
        let (place, query) = (Place::new(database, &query.collection), query.clone());
        let engine = self.engine(database).await?;
        let schema = Arc::clone(&engine.schema);
        engine.read(move |connection| read::query(connection, &schema, &place, &query)).await
    }

    async fn count(&self, database: &Database, query: &Query) -> Result<u64, Error> {
        query.check()?;
        let (place, query) = (Place::new(database, &query.collection), query.clone());
        let engine = self.engine(database).await?;
        let schema = Arc::clone(&engine.schema);
        engine.read(move |connection| read::count(connection, &schema, &place, &query)).await
    }

    async fn commit(&self, database: &Database, writes: &[PortWrite]) -> Result<(), CommitError> {
        if writes.len() > MAX_WRITES {
            return Err(Error::TooLarge { what: format!("a commit with {} writes", writes.len()) }.into());
        }
        let writes = writes.iter().map(|write| ready(database, write)).collect::<Result<Vec<Write>, Error>>()?;
        if writes.is_empty() {
            return Ok(());
        }
        self.engine(database).await?.commit(writes).await
    }

    async fn check(&self, database: &Database) -> Result<(), Error> {
        // Asks the writing thread: where it does not answer, nothing can be stored.
        let ask = |connection: &Connection| connection.query_row("SELECT version FROM _meta", [], |_| Ok(()));
        self.engine(database).await?.write(move |connection| ask(connection).map_err(from_sqlite)).await
    }

    async fn purge_expired(&self, database: &Database, now: Time) -> Result<u64, Error> {
        let prefix = database.prefix.clone();
        let purge = move |connection: &Connection| purge(connection, &prefix, now).map_err(from_sqlite);
        self.engine(database).await?.write(purge).await
    }

    async fn scrub(&self, database: &Database) -> Result<(), Error> {
        if self.folder.is_none() {
            return Ok(());
        }
        self.engine(database).await?.write(engine::empty_log).await
    }
}

/// Checks a write and makes its JSON.
fn ready(database: &Database, write: &PortWrite) -> Result<Write, Error> {
    let place = Place::of(database, write.key())?;
    let (key, precondition, change) = match write {
        PortWrite::Delete { key, precondition } => (key, precondition, Change::Delete),
        PortWrite::Verify { key, precondition } => (key, precondition, Change::Verify),
        PortWrite::Put { key, fields, expire_at, precondition } => {
            if fields.values().any(|value| !is_depth_within(value, MAX_DEPTH)) {
                return Err(Error::TooLarge { what: format!("document {key}, nested deeper than {MAX_DEPTH}") });
            }
            let unstorable = |source| Error::Unstorable { collection: key.collection.clone(), source };
            let text = serde_json::to_string(fields).map_err(unstorable)?;
            if text.len() > MAX_DOCUMENT_BYTES {
                return Err(Error::TooLarge { what: format!("document {key} of {} bytes", text.len()) });
            }
            (key, precondition, Change::Put { fields: text, expire_at: expire_at.map(Time::as_millis) })
        }
    };
    Ok(Write { place, key: key.clone(), precondition: *precondition, change })
}

fn is_depth_within(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(values) => values.iter().all(|value| is_depth_within(value, below)),
        Value::Object(fields) => fields.values().all(|value| is_depth_within(value, below)),
        _ => true,
    }
}

/// Removes what expired, of one prefix, from all tables together.
fn purge(connection: &Connection, prefix: &str, now: Time) -> rusqlite::Result<u64> {
    let transaction = connection.unchecked_transaction()?;
    let mut purged = 0;
    for table in tables(&transaction)? {
        // A parent is the prefix alone, or goes on with '/', which '0' follows.
        let sql = format!(
            "DELETE FROM \"{table}\" WHERE (parent, id) IN (SELECT parent, id FROM \"{table}\" WHERE expire_at < ?1 \
             AND (parent = ?2 OR (parent >= ?2 || '/' AND parent < ?2 || '0')) LIMIT ?3)"
        );
        let left = i64::try_from(MAX_PURGED.saturating_sub(purged)).unwrap_or(i64::MAX);
        purged += transaction.execute(&sql, params![now.as_millis(), prefix, left])? as u64;
    }
    transaction.commit()?;
    Ok(purged)
}
