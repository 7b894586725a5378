//! In-app notifications.

use kernel::{ChatId, MessageId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

/// What a notification is about. The names are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationType {
    /// A new message.
    Message,
    /// Someone calls.
    CallIncoming,
    /// A call was missed.
    CallMissed,
    /// A patient needs attention.
    PatientAlert,
    /// An appointment is near.
    AppointmentReminder,
    /// A note was shared.
    NoteShared,
    /// An invitation to a team.
    TeamInvite,
    /// From the system.
    SystemAlert,
    /// A prescription can be fetched.
    PrescriptionReady,
    /// Laboratory results are in.
    LabResults,
}

/// Something a user should know. The texts are sealed under the key of the chat that it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What it is about.
    pub kind: NotificationType,
    /// The chat it is about, whose key seals the texts and whose members alone see the body.
    pub chat_id: ChatId,
    /// The message it is about.
    pub message_id: Option<MessageId>,
    /// Sealed: the title.
    pub title: Sealed,
    /// Sealed: the body.
    pub body: Sealed,
    /// Whether the user has read it.
    pub is_read: bool,
    /// When.
    pub read_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

/// A user's notifications, by notification id.
pub fn notifications(user: &UserId) -> Collection<Notification> {
    Collection::below("users", user.as_str(), "notifications", INDEXES)
}

/// The composite indexes of notifications: the unread ones, newest first.
pub const INDEXES: &[Index] = &[&[IndexField::Ascending("isRead"), IndexField::Descending("createdAt")]];

/// That a notification has reached one of the user's devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// When it first did.
    pub delivered_at: Time,
}

/// The receipts of a user's notifications, by notification id.
pub fn receipts(user: &UserId) -> Collection<Receipt> {
    Collection::below("users", user.as_str(), "notification-receipts", &[])
}
