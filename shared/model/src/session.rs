//! Sign-ins.

use std::time::Duration;

use kernel::{Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

/// How long a session's document stays after the session.
const KEPT_AFTERWARDS: Duration = Duration::from_secs(30 * 24 * 3600);

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
    /// When a request last came with it, to five minutes.
    pub last_seen_at: Time,
    /// When its refresh token stops working; when it was ended, where it was ended before that.
    pub expires_at: Time,
    /// When it was ended, and why.
    pub ended: Option<Ended>,
    /// The hash of the one refresh token that is valid now.
    pub refresh_hash: String,
    /// The hash of what all its refresh tokens share: a former token is known by it.
    pub family_hash: String,
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
    /// The password was changed or reset.
    PasswordChanged,
    /// Nothing came with it for too long.
    Idle,
}

impl Session {
    /// Whether its access tokens still count.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.expires_at
    }

    /// Whether nothing came with it for so long.
    pub fn is_idle(&self, now: Time, idle: Duration) -> bool {
        now.since(self.last_seen_at) >= idle
    }

    /// Ends it. Its time is over then too, so that a query for sessions that have not expired finds live ones only.
    pub fn end(&mut self, now: Time, reason: EndReason) {
        self.ended = Some(Ended { at: now, reason });
        self.expires_at = self.expires_at.min(now);
    }

    /// Until when its document is kept: every write of it says so.
    pub fn kept_until(&self) -> Time {
        self.expires_at.plus(KEPT_AFTERWARDS)
    }
}

/// The index of [`SESSIONS`]: a user's, those that live longest first.
pub const INDEXES: &[Index] = &[&[IndexField::Ascending("userId"), IndexField::Descending("expiresAt")]];

/// Sessions, by session id.
pub const SESSIONS: Collection<Session> = Collection::top("sessions", INDEXES).expiring();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_session_is_over_at_once_and_kept_for_a_month() {
        let at = |secs: i64| Time::from_millis(secs * 1000);
        let mut session = Session {
            user_id: "u1".parse().unwrap(),
            user_agent: None,
            ip: None,
            created_at: at(0),
            last_seen_at: at(0),
            expires_at: at(100),
            ended: None,
            refresh_hash: String::new(),
            family_hash: String::new(),
            rotations: 0,
        };
        assert!(session.is_live(at(99)));
        assert!(!session.is_live(at(100)));
        assert!(
            !session.is_idle(at(99), Duration::from_secs(100)) && session.is_idle(at(100), Duration::from_secs(100))
        );
        session.end(at(40), EndReason::LoggedOut);
        assert!(!session.is_live(at(39)), "whatever an instance's clock says");
        assert_eq!(session.expires_at, at(40));
        assert_eq!(session.kept_until(), at(40 + 30 * 24 * 3600));
    }
}
