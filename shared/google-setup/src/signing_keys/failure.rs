use std::time::Duration;

use access::token::SigningKeysError;

use crate::SetupError;

/// Why the keys that sign access tokens are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeySecretsError {
    /// The secret manager did not do it.
    #[error(transparent)]
    Secrets(#[from] SetupError),
    /// No key could be made.
    #[error("no key could be made")]
    NoKey(#[source] SigningKeysError),
    /// A secret has no enabled version.
    #[error("secret {secret} has no enabled version: enable its newest one, or run terraform apply")]
    NoVersion {
        /// Which secret.
        secret: &'static str,
    },
    /// A secret has something else in it. It is never overwritten.
    #[error(
        "version {number} of secret {secret} holds no keys of ours: {what}; put it right by hand, nothing was changed"
    )]
    Unreadable {
        /// Which secret.
        secret: &'static str,
        /// Its version.
        number: u64,
        /// What is wrong.
        what: String,
    },
    /// There is no key to rotate.
    #[error("no signing key was made yet: run `consentmd admin ensure-signing-key`")]
    NotMade,
    /// No rotation was begun, or it was finished.
    #[error("no new key is waiting: the rotation has not been begun, or has been finished already")]
    NothingWaits,
    /// The public half is missing.
    #[error("the public half of the waiting key {id} is not published: begin the rotation again, which publishes it")]
    NotPublished {
        /// The key's id.
        id: String,
    },
    /// Tokens would be refused.
    #[error("the key {what} only {age:?} ago; wait until it is {least:?}, or tokens are refused")]
    TooEarly {
        /// What happened.
        what: &'static str,
        /// How long ago.
        age: Duration,
        /// How long it has to be.
        least: Duration,
    },
    /// The key is in use.
    #[error("key {id} signs tokens: rotate first, and retire it when its last token has expired")]
    StillSigns {
        /// The key's id.
        id: String,
    },
    /// There is no such key.
    #[error("there is no key {id} in either secret; it may have been retired already")]
    NoSuchKey {
        /// The id that was given.
        id: String,
    },
    /// Somebody else is at it.
    #[error("somebody else changed the secrets at the same time: see that nobody does, and run the same command again")]
    ChangedMeanwhile,
}
