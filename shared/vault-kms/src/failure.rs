//! What can go wrong with Cloud KMS, in words that say what to do.

use std::time::Duration;

use google_cloud_gax::client_builder;
use google_cloud_gax::error::rpc::{Code, Status, StatusDetails};
use google_cloud_gax::error::{CredentialsError, Error};

use crate::TenantIdTooLong;

/// How much of KMS's own words is kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why Cloud KMS did not do what it was asked. Nothing of a key is in here.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// There is no client.
    #[error("no Cloud KMS client could be made; are there Application Default Credentials?")]
    NoClient(#[source] client_builder::Error),
    /// Google's client would write what it sends and gets to the log, plain data keys too.
    #[error("GOOGLE_CLOUD_RUST_LOGGING=true would write data keys to the log: unset it")]
    WouldBeLogged,
    /// The tenant can have no key.
    #[error(transparent)]
    NoName(#[from] TenantIdTooLong),
    /// No answer in time.
    #[error("no answer on {key} within {deadline:?}")]
    NoAnswer {
        /// The key's full name.
        key: String,
        /// How long was waited.
        deadline: Duration,
    },
    /// KMS does not work now, takes no more calls now, or cannot be reached.
    #[error("Cloud KMS is not available for {key}: {reason}")]
    Unavailable {
        /// The key's full name.
        key: String,
        /// What it said, or what the connection did.
        reason: String,
    },
    /// What was sent or answered does not fit its checksum, each time it was tried.
    #[error(
        "what was exchanged with Cloud KMS about {key} got corrupted ({what}): is something wrong with this machine?"
    )]
    Corrupted {
        /// The key's full name.
        key: String,
        /// Which part.
        what: &'static str,
    },
    /// The ciphertext is not one of this key with this associated data.
    #[error("{key} does not decrypt it: {reason}")]
    Damaged {
        /// The key's full name.
        key: String,
        /// KMS's words.
        reason: String,
    },
    /// There is no such key.
    #[error("there is no key {key}: make it with `consentmd admin create` or Terraform, and check KMS_KEY_RING")]
    NoKey {
        /// The key's full name.
        key: String,
    },
    /// The key has no primary version.
    #[error("key {key} has no primary version: create one and make it primary (gcloud kms keys set-primary-version)")]
    NoPrimary {
        /// The key's full name.
        key: String,
    },
    /// A version is not enabled.
    #[error(
        "{version} is {state}: restore and enable it; to wrap, another version may be made primary instead. What a \
         destroyed version wrapped is lost"
    )]
    VersionUnusable {
        /// The version's full name, or the key's where KMS does not tell.
        version: String,
        /// What it is instead of enabled, in KMS's word.
        state: String,
    },
    /// Whoever runs this may not use the key.
    #[error(
        "no permission on {key} ({reason}): grant roles/cloudkms.cryptoKeyEncrypterDecrypter and \
         cloudkms.cryptoKeys.get on it"
    )]
    Forbidden {
        /// The key's full name.
        key: String,
        /// KMS's words, which name the permission.
        reason: String,
    },
    /// Another refusal.
    #[error("Cloud KMS refused a call on {key}: {reason}")]
    Refused {
        /// The key's full name.
        key: String,
        /// What it said.
        reason: String,
    },
}

impl KmsError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Unavailable { .. })
    }

    /// Whether the next attempt may succeed. A checksum that fails each time is no matter of waiting any more.
    pub(crate) const fn is_worth_another_attempt(&self) -> bool {
        self.is_retryable() || matches!(self, Self::Corrupted { .. })
    }

    /// A failed call. Only KMS's code and words are kept: an error of Google's client has all headers in its `Debug`, and
    /// one about an answer that does not parse may repeat the answer.
    pub(crate) fn of(key: &str, error: &Error) -> Self {
        let key = key.to_owned();
        if let Some(status) = error.status() {
            return Self::of_status(key, status);
        }
        if let Some(status) = error.http_status_code() {
            let reason = format!("HTTP {status}");
            let passes = matches!(status, 408 | 429 | 500..=599);
            return if passes { Self::Unavailable { key, reason } } else { Self::Refused { key, reason } };
        }
        if error.is_authentication() {
            return of_credentials(key, error);
        }
        if error.is_binding() || error.is_serialization() {
            return Self::Refused { key, reason: "the request cannot be made".to_owned() };
        }
        let reason = match error {
            error if error.is_deserialization() => "its answer is none of KMS",
            error if error.is_timeout() => "no answer in time",
            error if error.is_connect() => "no connection",
            _ => "the connection broke",
        };
        Self::Unavailable { key, reason: reason.to_owned() }
    }

    fn of_status(key: String, status: &Status) -> Self {
        let words = || format!("{}: {}", status.code, beginning(&status.message));
        match status.code {
            Code::ResourceExhausted
            | Code::Unavailable
            | Code::Internal
            | Code::Unknown
            | Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded => Self::Unavailable { key, reason: words() },
            Code::NotFound => Self::NoKey { key },
            Code::PermissionDenied => Self::Forbidden { key, reason: words() },
            Code::FailedPrecondition => of_state(key, status),
            // KMS says by this alone that a checksum did not fit.
            Code::InvalidArgument if status.message.contains("did not match the data in field") => {
                Self::Corrupted { key, what: "the request" }
            }
            _ => Self::Refused { key, reason: words() },
        }
    }
}

fn of_credentials(key: String, error: &Error) -> KmsError {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<CredentialsError>());
    let reason = "no access token; are there Application Default Credentials?".to_owned();
    match source {
        Some(source) if source.is_transient() => KmsError::Unavailable { key, reason },
        _ => KmsError::Refused { key, reason },
    }
}

fn of_state(key: String, status: &Status) -> KmsError {
    let violation = status.details.iter().find_map(|detail| match detail {
        StatusDetails::PreconditionFailure(failure) => failure.violations.first(),
        _ => None,
    });
    match violation {
        Some(violation) if violation.r#type.starts_with("KEY_") => KmsError::VersionUnusable {
            version: beginning(&violation.subject),
            state: beginning(&violation.r#type.trim_start_matches("KEY_").to_lowercase()),
        },
        _ if status.message.contains("is not enabled") => {
            KmsError::VersionUnusable { version: key, state: "not enabled".to_owned() }
        }
        _ => KmsError::Refused { key, reason: format!("{}: {}", status.code, beginning(&status.message)) },
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}
