//! What can go wrong. Google's messages are left where they are: they may repeat what was sent.

use connect::speech::SpeechError;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::error::{CredentialsError, Error};

/// A failed call about a recording.
pub(super) fn of_call(error: &Error) -> SpeechError {
    if let Some(status) = error.status() {
        return of_code(status.code);
    }
    if let Some(status) = error.http_status_code() {
        let reason = format!("HTTP {status}");
        return match status {
            429 => SpeechError::RateLimited,
            408 | 500..=599 => SpeechError::Unavailable { reason },
            _ => SpeechError::Refused { reason },
        };
    }
    let unavailable = |reason: &str| SpeechError::Unavailable { reason: reason.to_owned() };
    match error {
        error if error.is_authentication() => of_credentials(error),
        error if error.is_timeout() => SpeechError::TimedOut,
        error if error.is_deserialization() => SpeechError::NotUnderstood("it is none of Speech-to-Text"),
        error if error.is_binding() || error.is_serialization() => {
            SpeechError::Refused { reason: "the request cannot be made".to_owned() }
        }
        error if error.is_connect() => unavailable("no connection"),
        _ => unavailable("the connection broke"),
    }
}

/// A failed call about an operation, which may be none or gone.
pub(super) fn of_operation_call(error: &Error) -> SpeechError {
    if error.is_binding() || error.status().is_some_and(|status| status.code == Code::NotFound) {
        return SpeechError::NoOperation;
    }
    of_call(error)
}

/// What Google says in place of a transcript.
pub(super) fn of_code(code: Code) -> SpeechError {
    let reason = code.name().to_owned();
    match code {
        Code::ResourceExhausted => SpeechError::RateLimited,
        Code::DeadlineExceeded => SpeechError::TimedOut,
        Code::Unavailable | Code::Internal | Code::Unknown | Code::Aborted | Code::Cancelled => {
            SpeechError::Unavailable { reason }
        }
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => SpeechError::Unusable { reason },
        Code::NotFound => SpeechError::NoRecording,
        _ => SpeechError::Refused { reason },
    }
}

fn of_credentials(error: &Error) -> SpeechError {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<CredentialsError>());
    let reason = "no access token".to_owned();
    match source {
        Some(source) if source.is_transient() => SpeechError::Unavailable { reason },
        _ => SpeechError::Refused { reason },
    }
}
