//! The one thread that writes to a database. Commits that wait while another becomes durable are carried out together
//! and become durable together, each as if it were alone.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, params};
use store::{CommitError, Error, Key, Precondition};
use tokio::sync::{mpsc, oneshot};

use crate::error::{from_sqlite, is_passing};
use crate::place::Place;
use crate::schema::Schema;

/// The most commits that become durable together.
const MAX_BATCH: usize = 256;

/// What the thread is asked to do.
pub(crate) enum Job {
    /// Writes.
    Commit(Commit),
    /// Anything else on the writing connection.
    Run(Box<dyn FnOnce(&Connection) + Send>),
    /// Ends the thread.
    Close(oneshot::Sender<()>),
}

/// A commit that waits, and where its answer goes.
pub(crate) struct Commit {
    pub(crate) writes: Vec<Write>,
    pub(crate) answer: oneshot::Sender<std::result::Result<(), CommitError>>,
}

/// A write that was checked and made ready.
pub(crate) struct Write {
    pub(crate) place: Place,
    pub(crate) key: Key,
    pub(crate) precondition: Precondition,
    pub(crate) change: Change,
}

/// What a write does where its condition holds.
pub(crate) enum Change {
    /// Writes the document.
    Put {
        /// Its JSON.
        fields: String,
        /// In milliseconds since 1970.
        expire_at: Option<i64>,
    },
    /// Removes the document.
    Delete,
    /// Nothing.
    Verify,
}

/// What became of one commit of a batch.
enum Outcome {
    Done,
    Conflict(Key),
    Failed(rusqlite::Error),
}

pub(crate) struct Writer {
    connection: Connection,
    schema: Arc<Schema>,
    /// Tables known to be there.
    tables: HashSet<String>,
}

impl Writer {
    pub(crate) fn new(connection: Connection, schema: Arc<Schema>) -> Self {
        Self { connection, schema, tables: HashSet::new() }
    }

    /// Works until it is closed, or nobody is left to ask.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = None;
        while let Some(job) = waiting.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Commit(first) => {
                    let mut batch = vec![first];
                    while batch.len() < MAX_BATCH {
                        match jobs.try_recv() {
                            Ok(Job::Commit(commit)) => batch.push(commit),
                            Ok(other) => {
                                waiting = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(batch);
                }
                Job::Run(work) => work(&self.connection),
                Job::Close(done) => {
                    // Closing the last connection moves the log into the file and removes it.
                    drop(self);
                    // Dropping the receiver alone would miss a job that is being sent right now, and leave its sender
                    // waiting for ever.
                    jobs.close();
                    while let Some(refused) = jobs.blocking_recv() {
                        drop(refused);
                    }
                    // Whoever closes may have stopped waiting.
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// Carries out a batch; answers after it is durable and not before.
    fn commit(&mut self, batch: Vec<Commit>) {
        match self.try_commit(&batch) {
            Ok(outcomes) => {
                for (commit, outcome) in batch.into_iter().zip(outcomes) {
                    answer(
                        commit,
                        match outcome {
                            Outcome::Done => Ok(()),
                            Outcome::Conflict(key) => Err(CommitError::Conflict { key: Some(key) }),
                            Outcome::Failed(error) => Err(from_sqlite(error).into()),
                        },
                    );
                }
            }
            Err(error) => {
                self.roll_back();
                let error = Arc::new(error);
                for commit in batch {
                    let source = Box::new(Arc::clone(&error));
                    let error = if is_passing(&error) { Error::Unavailable(source) } else { Error::Refused(source) };
                    answer(commit, Err(error.into()));
                }
            }
        }
    }

    fn try_commit(&mut self, batch: &[Commit]) -> Result<Vec<Outcome>> {
        self.run_sql("BEGIN IMMEDIATE")?;
        let before: i64 =
            self.connection.prepare_cached("SELECT version FROM _meta")?.query_row([], |row| row.get(0))?;
        let mut version = before;
        let mut outcomes = Vec::with_capacity(batch.len());
        for commit in batch {
            self.run_sql("SAVEPOINT one")?;
            let mut made = Vec::new();
            let outcome = match self.apply(&commit.writes, &mut version, &mut made) {
                Ok(None) => Outcome::Done,
                Ok(Some(key)) => Outcome::Conflict(key),
                // SQLite gave the whole batch up, and did not only fail at this statement.
                Err(error) if self.connection.is_autocommit() => return Err(error),
                Err(error) => Outcome::Failed(error),
            };
            if !matches!(outcome, Outcome::Done) {
                self.run_sql("ROLLBACK TO one")?;
                // A table made by this commit is gone again.
                self.tables.retain(|table| !made.contains(table));
            }
            self.run_sql("RELEASE one")?;
            outcomes.push(outcome);
        }
        if version != before {
            self.connection.prepare_cached("UPDATE _meta SET version = ?1")?.execute([version])?;
        }
        self.run_sql("COMMIT")?;
        Ok(outcomes)
    }

    /// Does one commit's writes; or does none and says which document's condition does not hold.
    fn apply(&mut self, writes: &[Write], version: &mut i64, made: &mut Vec<String>) -> Result<Option<Key>> {
        for write in writes {
            if self.make_table(&write.place.table)? {
                made.push(write.place.table.clone());
            }
            if !self.holds(write)? {
                return Ok(Some(write.key.clone()));
            }
        }
        for Write { place: Place { table, parent }, key, change, .. } in writes {
            match change {
                Change::Put { fields, expire_at } => {
                    *version += 1;
                    let sql = format!(
                        "INSERT INTO \"{table}\" (parent, id, fields, version, expire_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                         ON CONFLICT (parent, id) DO UPDATE SET fields = ?3, version = ?4, expire_at = ?5"
                    );
                    let values = params![parent, key.id, fields, *version, expire_at];
                    self.connection.prepare_cached(&sql)?.execute(values)?;
                }
                Change::Delete => {
                    let sql = format!("DELETE FROM \"{table}\" WHERE parent = ?1 AND id = ?2");
                    self.connection.prepare_cached(&sql)?.execute([parent, &key.id])?;
                }
                Change::Verify => {}
            }
        }
        Ok(None)
    }

    fn holds(&self, write: &Write) -> Result<bool> {
        if write.precondition == Precondition::None {
            return Ok(true);
        }
        let sql = format!("SELECT version FROM \"{}\" WHERE parent = ?1 AND id = ?2", write.place.table);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found: Option<i64> =
            statement.query_row([&write.place.parent, &write.key.id], |row| row.get(0)).optional()?;
        Ok(match write.precondition {
            Precondition::None => true,
            Precondition::Absent => found.is_none(),
            Precondition::At(version) => found == Some(version.0),
        })
    }

    /// Makes a table that is not known to be there, and says whether it was so.
    fn make_table(&mut self, table: &str) -> Result<bool> {
        if self.tables.contains(table) {
            return Ok(false);
        }
        self.schema.make_table(&self.connection, table)?;
        Ok(self.tables.insert(table.to_owned()))
    }

    fn roll_back(&mut self) {
        self.tables.clear();
        if !self.connection.is_autocommit() {
            // Where even this fails, the next BEGIN fails too and says why.
            let _ = self.run_sql("ROLLBACK");
        }
    }

    fn run_sql(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn answer(commit: Commit, outcome: std::result::Result<(), CommitError>) {
    // Whoever asked may have stopped waiting; the commit stands all the same.
    let _ = commit.answer.send(outcome);
}
