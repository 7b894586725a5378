//! What can go wrong with Pub/Sub, in words that say where.

use std::time::Duration;

use google_cloud_gax::client_builder;
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::Error;
use google_cloud_pubsub::error::PublishError;

/// How much of Pub/Sub's own words is kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why Pub/Sub did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PubsubError {
    /// There is no client.
    #[error("no Pub/Sub client could be made; are there Application Default Credentials?")]
    NoClient(#[source] client_builder::Error),
    /// The topic is missing.
    #[error("topic {topic} does not exist; create it before anything is published to it")]
    NoTopic {
        /// Its full name.
        topic: String,
    },
    /// No answer in time.
    #[error("no answer to {operation} of {name} within {deadline:?}")]
    NoAnswer {
        /// What was asked.
        operation: &'static str,
        /// Of which topic or subscription.
        name: String,
        /// How long was waited.
        deadline: Duration,
    },
    /// An answer that is none, or no connection.
    #[error("{operation} of {name} failed: {reason}")]
    Failed {
        /// What was asked.
        operation: &'static str,
        /// Of which topic or subscription.
        name: String,
        /// Pub/Sub's code and words.
        reason: String,
    },
    /// Pub/Sub ended the stream of a subscription's messages.
    #[error("the stream of {0} ended")]
    Ended(String),
    /// This instance ended its subscription.
    #[error("live signals are closed: this instance is shutting down")]
    Closed,
}

impl PubsubError {
    /// A failed call.
    pub(crate) fn of(operation: &'static str, name: &str, error: &Error) -> Self {
        // Only code and words are kept: an error of Google's client carries all headers in its `Debug`.
        let reason = match error.status() {
            Some(status) => format!("{}: {}", status.code, status.message),
            None => words(error),
        };
        Self::Failed { operation, name: name.to_owned(), reason: reason.chars().take(MAX_MESSAGE_CHARS).collect() }
    }

    /// A failed publication.
    pub(crate) fn of_publish(topic: &str, error: &PublishError) -> Self {
        match error {
            PublishError::Rpc(error) if is(error, Code::NotFound) => Self::NoTopic { topic: topic.to_owned() },
            PublishError::Rpc(error) => Self::of("publish", topic, error),
            other => Self::Failed { operation: "publish", name: topic.to_owned(), reason: other.to_string() },
        }
    }
}

/// Whether Pub/Sub answered with this code.
pub(crate) fn is(error: &Error, code: Code) -> bool {
    error.status().is_some_and(|status| status.code == code)
}

/// Whether Pub/Sub answered at all to someone it knows.
pub(crate) fn is_answer(error: &Error) -> bool {
    let silent = [Code::Unavailable, Code::DeadlineExceeded, Code::Internal, Code::Unknown, Code::Unauthenticated];
    error.status().is_some_and(|status| !silent.contains(&status.code))
}

/// An error with its causes, of which Google's client names only the first.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use google_cloud_gax::error::rpc::Status;

    use super::*;

    fn answer(code: Code) -> Error {
        Error::service(Status::default().set_code(code).set_message("words"))
    }

    #[test]
    fn a_missing_topic_is_named() {
        let error = PublishError::Rpc(Arc::new(answer(Code::NotFound)));
        let error = PubsubError::of_publish("projects/p/topics/events-chats", &error);
        assert!(matches!(error, PubsubError::NoTopic { .. }), "{error:?}");
        assert!(error.to_string().starts_with("topic projects/p/topics/events-chats does not exist"), "{error}");
    }

    #[test]
    fn a_refusal_says_what_was_refused_and_why() {
        let error = PublishError::Rpc(Arc::new(answer(Code::PermissionDenied)));
        let error = PubsubError::of_publish("projects/p/topics/t", &error).to_string();
        assert_eq!(error, "publish of projects/p/topics/t failed: PERMISSION_DENIED: words");
    }

    #[test]
    fn a_refusal_is_an_answer_and_an_outage_is_none() {
        assert!(is_answer(&answer(Code::PermissionDenied)));
        assert!(is_answer(&answer(Code::NotFound)));
        assert!(!is_answer(&answer(Code::Unavailable)));
        assert!(!is_answer(&answer(Code::Unauthenticated)));
        assert!(!is_answer(&Error::io("reset")));
    }
}
