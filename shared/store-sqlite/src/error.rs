use rusqlite::ErrorCode;
use store::{Error, Key};

/// Why SQLite could not be asked at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the database is closed")]
    Closed,
    #[error("the log cannot be emptied while a reader or another process uses it")]
    LogInUse,
    #[error("the folder or file of database \"{database}\" cannot be made or opened")]
    File { database: String, source: std::io::Error },
    #[error(
        "database \"{database}\" has layout {found}, and this program knows layouts up to {known}: use a newer one"
    )]
    Newer { database: String, found: i64, known: i64 },
}

/// The database is closed, or its thread has ended.
pub(crate) fn closed() -> Error {
    Error::Unavailable(Box::new(Unusable::Closed))
}

/// What SQLite says, as the port says it: try again later, or not.
pub(crate) fn from_sqlite(error: rusqlite::Error) -> Error {
    if is_passing(&error) { Error::Unavailable(Box::new(error)) } else { Error::Refused(Box::new(error)) }
}

/// Whether the cause lies around the database (locks, disk, memory) and may pass.
pub(crate) fn is_passing(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OperationInterrupted,
        OutOfMemory, SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | OperationInterrupted
                | OutOfMemory
                | SystemIoFailure
        )
    )
}

/// Whether the statement names a table that nobody has written to yet.
pub(crate) fn is_missing_table(error: &rusqlite::Error) -> bool {
    message(error).is_some_and(|message| message.starts_with("no such table"))
}

/// Whether a row on the way held no JSON.
pub(crate) fn is_malformed_json(error: &rusqlite::Error) -> bool {
    message(error).is_some_and(|message| message.contains("malformed JSON"))
}

fn message(error: &rusqlite::Error) -> Option<&str> {
    match error {
        rusqlite::Error::SqliteFailure(_, message) => message.as_deref(),
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg),
        _ => None,
    }
}

/// A stored document that is no JSON object. What it holds instead stays out of the error.
pub(crate) fn damaged(key: Key) -> Error {
    Error::Damaged { key, field: String::new(), reason: "the row holds no JSON object" }
}
