//! One open database: its writing thread, and its readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use store::{CommitError, Error};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::error::{Unusable, closed, damaged, from_sqlite, is_malformed_json};
use crate::files;
use crate::read;
use crate::schema::{LAYOUT, Schema};
use crate::writer::{Commit, Job, Write, Writer};

/// How many reads of one database run at once.
const READERS: u32 = 4;
/// How many jobs may wait for the writing thread before their senders wait.
const QUEUE: usize = 1024;
/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The log file is cut to this size after it was moved into the database.
const MAX_LOG_BYTES: u32 = 64 << 20;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;

/// One row: the version that the last write made.
pub(crate) const MAKE_META: &str = "CREATE TABLE IF NOT EXISTS _meta (version INTEGER NOT NULL);
    INSERT INTO _meta SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM _meta);";

pub(crate) struct Engine {
    jobs: mpsc::Sender<Job>,
    /// `None` in memory: there, the writing thread reads too.
    readers: Option<Readers>,
    pub(crate) schema: Arc<Schema>,
}

struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Engine {
    /// Opens a file, made where it is not there. Blocks.
    pub(crate) fn open(folder: &Path, name: &str, schema: Arc<Schema>) -> Result<Self, Error> {
        let path = folder.join(format!("{name}.db"));
        let unusable = |source| Error::Unavailable(Box::new(Unusable::File { database: name.to_owned(), source }));
        files::make_folder(folder).map_err(unusable)?;
        files::make_file(&path).map_err(unusable)?;
        let writing = connect(&path).map_err(from_sqlite)?;
        prepare_file(&writing).map_err(from_sqlite)?;
        prepare(&writing, name, &schema)?;
        let readers = Readers { path, idle: Arc::default(), permits: Arc::new(Semaphore::new(READERS as usize)) };
        Self::start(writing, name, schema, Some(readers))
    }

    /// Makes a database that ends with this value. Blocks.
    pub(crate) fn in_memory(name: &str, schema: Arc<Schema>) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(from_sqlite)?;
        prepare(&connection, name, &schema)?;
        Self::start(connection, name, schema, None)
    }

    fn start(writing: Connection, name: &str, schema: Arc<Schema>, readers: Option<Readers>) -> Result<Self, Error> {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(writing, Arc::clone(&schema));
        thread::Builder::new()
            .name(format!("sqlite {name}"))
            .spawn(move || writer.run(receiver))
            .map_err(|source| Error::Unavailable(Box::new(source)))?;
        Ok(Self { jobs, readers, schema })
    }

    /// Commits and waits until that is durable.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Commit(Commit { writes, answer })).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Runs `work` on the writing connection, between two batches.
    pub(crate) async fn write<R, F>(&self, work: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |connection: &Connection| {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(work(connection));
        });
        self.jobs.send(Job::Run(work)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Runs `work` on a reading connection. It sees every commit that was answered before.
    pub(crate) async fn read<R, F>(&self, work: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
    {
        let Some(readers) = &self.readers else { return self.write(work).await };
        let permit = Arc::clone(&readers.permits).acquire_owned().await.map_err(|_| closed())?;
        let (path, idle) = (readers.path.clone(), Arc::clone(&readers.idle));
        let reading = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().pop();
            let connection = kept.map_or_else(|| reader(&path), Ok).map_err(from_sqlite)?;
            let answer = work(&connection);
            // A connection that failed is not kept: the cause may lie in it.
            if !matches!(answer, Err(Error::Unavailable(_) | Error::Refused(_))) {
                idle.lock().push(connection);
            }
            drop(permit);
            answer
        });
        reading.await.map_err(|error| Error::Unavailable(Box::new(error)))?
    }

    /// Lets what was asked before come to its end, then closes the file.
    pub(crate) async fn close(&self) {
        if let Some(readers) = &self.readers {
            // Fails only where it is closed already.
            if let Ok(permits) = readers.permits.acquire_many(READERS).await {
                readers.permits.close();
                readers.idle.lock().clear();
                drop(permits);
            }
        }
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            // An error says that the thread has ended, which is all that is asked.
            let _ = ended.await;
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// What is answered is on the disk: FULL waits for the disk at each batch, so that a power cut takes nothing either.
/// What is overwritten or deleted leaves no bytes behind in the file: a destroyed key must not be found there.
fn prepare_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", MAX_LOG_BYTES, |_| Ok(()))
}

/// Moves the log into the file and cuts it to nothing: it has the former states of documents in it. Waits for other
/// processes and readers as long as for any lock.
pub(crate) fn empty_log(connection: &Connection) -> Result<(), Error> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection.query_row(checkpoint, [], |row| row.get(0)).map_err(from_sqlite)?;
    if is_busy { Err(Error::Unavailable(Box::new(Unusable::LogInUse))) } else { Ok(()) }
}

/// Makes the layout, or brings its indexes to what is declared now.
fn prepare(connection: &Connection, name: &str, schema: &Schema) -> Result<(), Error> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(from_sqlite)?;
    if found > LAYOUT {
        let newer = Unusable::Newer { database: name.to_owned(), found, known: LAYOUT };
        return Err(Error::Refused(Box::new(newer)));
    }
    let settle = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.execute_batch(MAKE_META)?;
        connection.pragma_update(None, "user_version", LAYOUT)?;
        schema.settle(connection)?;
        connection.execute_batch("COMMIT")
    };
    settle().map_err(|error| {
        if !is_malformed_json(&error) {
            return from_sqlite(error);
        }
        // An index cannot be made over a damaged row: says which row that is.
        match read::find_damaged(connection) {
            Ok(Some(key)) => damaged(key),
            Ok(None) | Err(_) => from_sqlite(error),
        }
    })
}
