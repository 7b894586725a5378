//! What Firestore's refusals mean to the port.

use std::collections::HashMap;
use std::error::Error as StdError;

use firestore::gcloud_sdk::tonic::{Code, ConnectError, Status};
use store::{CommitError, Error, Key};

/// How much of Firestore's own words is kept.
const MAX_MESSAGE_CHARS: usize = 300;
/// How Firestore and its emulator speak of what is too large.
const TOO_LARGE: [&str; 6] =
    ["exceeds the maximum", "maximum size", "maximum entity size", "too big", "payload size exceeds", "is longer than"];

/// Firestore's answer where it is none. Of the status only code and message are kept: its metadata is nobody's business.
#[derive(Debug, thiserror::Error)]
#[error("{operation} answered {code:?}: {message}")]
struct Answer {
    operation: &'static str,
    code: Code,
    message: String,
}

impl Answer {
    fn boxed(operation: &'static str, status: &Status) -> Box<dyn StdError + Send + Sync> {
        let message = status.message().chars().take(MAX_MESSAGE_CHARS).collect();
        Box::new(Self { operation, code: status.code(), message })
    }
}

/// Firestore could not be asked at all.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAsked(pub(crate) String);

/// Whether a read may get its answer when it is sent again.
pub(crate) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Internal
            | Code::Unknown
            | Code::Cancelled
    )
}

/// A read that failed for good.
pub(crate) fn of_read(operation: &'static str, status: &Status) -> Error {
    let answer = Answer::boxed(operation, status);
    if is_passing(status.code()) { Error::Unavailable(answer) } else { Error::Refused(answer) }
}

/// Whether nobody knows if a failed commit happened: the request may have got through and the answer been lost.
pub(crate) fn is_ambiguous(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Internal | Code::Unknown | Code::Cancelled
    ) && !was_never_sent(status)
}

/// Whether there was no connection to send a request on.
pub(crate) fn was_never_sent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// A commit that did not happen, or of which nobody knows. `conditional` are its documents with a condition.
pub(crate) fn of_commit(status: &Status, conditional: &HashMap<String, &Key>) -> CommitError {
    let message = status.message();
    let unavailable = || Error::Unavailable(Answer::boxed("Commit", status)).into();
    match status.code() {
        // Firestore gave way to another commit.
        Code::Aborted => CommitError::Conflict { key: None },
        Code::FailedPrecondition | Code::AlreadyExists | Code::NotFound if !conditional.is_empty() => {
            match key_in(message, conditional) {
                Some(key) => CommitError::Conflict { key: Some(key) },
                // That the database is not there says no document.
                None if status.code() == Code::NotFound && !message.contains("document") => refused(status),
                None => CommitError::Conflict { key: only_key(conditional) },
            }
        }
        Code::InvalidArgument | Code::ResourceExhausted | Code::OutOfRange if is_about_size(message) => {
            Error::TooLarge { what: message.chars().take(MAX_MESSAGE_CHARS).collect() }.into()
        }
        code if is_passing(code) => unavailable(),
        _ => refused(status),
    }
}

fn refused(status: &Status) -> CommitError {
    Error::Refused(Answer::boxed("Commit", status)).into()
}

fn is_about_size(message: &str) -> bool {
    TOO_LARGE.iter().any(|words| message.contains(words))
}

/// The document that a message names: the longest name in it, as one can be the beginning of another.
fn key_in(message: &str, conditional: &HashMap<String, &Key>) -> Option<Key> {
    let named = conditional.iter().filter(|(name, _)| message.contains(name.as_str()));
    named.max_by_key(|(name, _)| name.len()).map(|(_, key)| (*key).clone())
}

/// Where only one document has a condition, that one failed.
fn only_key(conditional: &HashMap<String, &Key>) -> Option<Key> {
    if conditional.len() == 1 { conditional.values().next().map(|key| (*key).clone()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict_of(status: &Status, names: &[&str]) -> CommitError {
        let keys: Vec<Key> = names.iter().map(|name| Key::new("c", *name)).collect();
        let conditional = keys.iter().map(|key| (format!("projects/p/databases/d/documents/{key}"), key)).collect();
        of_commit(status, &conditional)
    }

    #[test]
    fn a_conflict_names_its_document_where_firestore_does() {
        let status = Status::already_exists("Document already exists: projects/p/databases/d/documents/c/ab");
        let error = conflict_of(&status, &["a", "ab", "b"]);
        assert!(matches!(&error, CommitError::Conflict { key: Some(key) } if key.id == "ab"), "{error:?}");
        let status = Status::failed_precondition("the stored version (2) does not match the required base version (1)");
        let error = conflict_of(&status, &["a", "b"]);
        assert!(matches!(error, CommitError::Conflict { key: None }), "{error:?}");
        let error = conflict_of(&status, &["a"]);
        assert!(matches!(&error, CommitError::Conflict { key: Some(key) } if key.id == "a"), "{error:?}");
        let error = conflict_of(&Status::aborted("Too much contention on these documents."), &["a"]);
        assert!(matches!(error, CommitError::Conflict { key: None }), "{error:?}");
    }

    #[test]
    fn a_missing_database_is_no_conflict() {
        let status = Status::not_found("The database d does not exist for project p");
        let error = conflict_of(&status, &["a"]);
        assert!(matches!(error, CommitError::Store(Error::Refused(_))), "{error:?}");
        let status = Status::failed_precondition("The database is in Datastore Mode");
        let error = conflict_of(&status, &[]);
        assert!(matches!(error, CommitError::Store(Error::Refused(_))), "{error:?}");
    }

    #[test]
    fn what_may_help_later_is_told_from_what_will_not() {
        for (status, retryable) in [
            (Status::unavailable(""), true),
            (Status::deadline_exceeded(""), true),
            (Status::resource_exhausted("Quota exceeded."), true),
            (Status::permission_denied(""), false),
            (Status::invalid_argument(""), false),
        ] {
            let CommitError::Store(error) = conflict_of(&status, &["a"]) else { panic!("{status:?}") };
            assert_eq!(error.is_retryable(), retryable, "{status:?}");
            assert_eq!(of_read("RunQuery", &status).is_retryable(), retryable, "{status:?}");
        }
        let status = Status::invalid_argument("Transaction too big. Decrease transaction size.");
        assert!(matches!(conflict_of(&status, &[]), CommitError::Store(Error::TooLarge { .. })));
    }
}
