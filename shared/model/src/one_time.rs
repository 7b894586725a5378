//! Tokens that are good once: for verifying an address, for setting a password, for an invitation.

use std::time::Duration;

use kernel::{Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// Verifying the e-mail address it was sent to.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Setting the first password of an account that an administrator made.
    Invitation,
}

impl TokenKind {
    /// For how long it is good.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_secs(24 * 3600),
            Self::ResetPassword => Duration::from_secs(30 * 60),
            Self::Invitation => Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// What is known of a token. The token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OneTimeToken {
    /// What it is good for.
    pub kind: TokenKind,
    /// For whom.
    pub user_id: UserId,
    /// When it was made.
    pub created_at: Time,
    /// When it stops being good.
    pub expires_at: Time,
}

/// Tokens that were not used, by the token's SHA-256 in base64url.
pub const ONE_TIME_TOKENS: Collection<OneTimeToken> = Collection::top("one-time-tokens", &[]).expiring();
