//! In-app notifications.

use std::time::Duration;

use kernel::{ChatId, EmergencyId, MessageId, NotificationId, PatientId, Sealed, Time, UserId};
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

/// Something a user should know. The texts are sealed under the key of the chat that it is about; where it is about none,
/// under the user's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What it is about.
    pub kind: NotificationType,
    /// The chat it is about, if it is about one: its key seals the texts, and its members alone see the body.
    pub chat_id: Option<ChatId>,
    /// The patient whose key seals the chat, if one does.
    pub patient_id: Option<PatientId>,
    /// The message it is about.
    pub message_id: Option<MessageId>,
    /// The emergency access it is about, whose review it asks for.
    #[serde(default)]
    pub emergency_id: Option<EmergencyId>,
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

/// For how long a notification is kept.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

impl Notification {
    /// When it may be removed. Every write of a notification says so again.
    pub fn expires_at(&self) -> Time {
        self.created_at.plus(KEPT)
    }
}

/// The id of the notification that tells of a message, the same for every recipient: however often the message is told
/// of, there is one. `None` for the id of no message that this program made.
pub fn id_for_message(message: &MessageId) -> Option<NotificationId> {
    format!("n-{message}").parse().ok()
}

/// The id of the notification that asks for the review of an emergency access, the same for every recipient. `None` for
/// the id of no emergency that this program made.
pub fn id_for_emergency(emergency: &EmergencyId) -> Option<NotificationId> {
    format!("e-{emergency}").parse().ok()
}

/// A user's notifications, by notification id.
pub fn notifications(user: &UserId) -> Collection<Notification> {
    Collection::below("users", user.as_str(), "notifications", INDEXES).expiring()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_one_notification_id() {
        let chat: ChatId = "4b0c2a9e-1111-4222-8333-444455556666".parse().unwrap();
        let message = crate::message::message_id(&chat, 7);
        let id = id_for_message(&message).unwrap();
        assert_eq!(id.as_str(), "n-4b0c2a9e-1111-4222-8333-444455556666_0000000007");
        let longest: ChatId = "c".repeat(64).parse().unwrap();
        assert!(id_for_message(&crate::message::message_id(&longest, 7)).is_some());
        assert_eq!(id_for_message(&"x".repeat(80).parse().unwrap()), None);
    }

    #[test]
    fn what_was_stored_before_there_were_others_is_about_a_chat() {
        let stored = serde_json::json!({
            "kind": "message", "chatId": "c1", "patientId": null, "messageId": "c1_0000000001", "title": "1t",
            "body": "1b", "isRead": false, "readAt": null, "createdAt": "2026-01-15T10:00:00Z",
        });
        let read: Notification = serde_json::from_value(stored).unwrap();
        assert_eq!((read.chat_id, read.emergency_id), (Some("c1".parse().unwrap()), None));
    }
}
