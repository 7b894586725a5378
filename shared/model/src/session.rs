//! Sign-ins.

use kernel::{Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// One sign-in on one device, with the family of its one-time refresh tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Whose.
    pub user_id: UserId,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The client's address at sign-in.
    pub ip: Option<String>,
    /// When it began.
    pub created_at: Time,
    /// When it was last refreshed.
    pub last_seen_at: Time,
    /// When its refresh token stops working.
    pub expires_at: Time,
    /// When it was ended, and why.
    pub ended: Option<Ended>,
    /// The hash of the one refresh token that is valid now.
    pub refresh_hash: String,
    /// How often it was refreshed.
    pub rotations: u64,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When.
    pub at: Time,
    /// Why.
    pub reason: EndReason,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The user signed out of it.
    LoggedOut,
    /// A refresh token was used twice: someone else may have it.
    RefreshReused,
    /// The account was closed or changed.
    AccountChanged,
}

impl Session {
    /// Whether its access tokens still count.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

/// Sessions, by session id.
pub const SESSIONS: Collection<Session> = Collection::top("sessions", &[]);
