//! What each user has been told, in order: the one source of live delivery and of catching up.

use kernel::{ChatId, MessageId, NotificationId, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::chat::Happening;

/// For how long an entry can be asked for again.
pub const KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// One thing a user is told. It names documents and copies nothing, so that what is shown obeys the rules of the
/// moment at which it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxEntry {
    /// What.
    pub what: Told,
    /// When it was entered.
    pub at: Time,
}

/// What a user is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "told")]
pub enum Told {
    /// Something happened in a chat.
    Chat {
        /// Which chat.
        chat_id: ChatId,
        /// What happened.
        happening: Happening,
        /// Who did it.
        by: UserId,
        /// When.
        at: Time,
    },
    /// Someone read messages.
    Read {
        /// Up to which message.
        message_id: MessageId,
        /// Who.
        by: UserId,
        /// When.
        at: Time,
    },
    /// Someone acknowledged an urgent message.
    Acknowledged {
        /// Which message.
        message_id: MessageId,
        /// Who.
        by: UserId,
        /// When.
        at: Time,
    },
    /// There is a new notification.
    Notification {
        /// Which.
        notification_id: NotificationId,
    },
    /// A scribe job ended.
    ScribeJob {
        /// Which.
        job_id: kernel::JobId,
    },
}

/// A user's entries, by number (see [`crate::chat::sequence_id`]), from 1 without gaps.
pub fn inbox(user: &UserId) -> Collection<InboxEntry> {
    Collection::below("users", user.as_str(), "inbox", &[]).expiring()
}

/// How far a user's inbox goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxHead {
    /// The last entry's number.
    pub last: u64,
}

/// The heads of all inboxes, by user id.
pub const INBOX_HEADS: Collection<InboxHead> = Collection::top("inbox-heads", &[]);

/// How far a chat's log has been entered into its members' inboxes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOut {
    /// All log entries up to this number are in.
    pub done: u64,
    /// The next entry is in for members up to this one, in a chat too large for one commit.
    pub reached: Option<UserId>,
}

/// The fan-out of all chats, by chat id.
pub const FAN_OUTS: Collection<FanOut> = Collection::top("fan-outs", &[]);
