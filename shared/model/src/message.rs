//! Messages, their versions and their acknowledgements.

use kernel::{ChatId, MessageId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

use crate::chat::sequence_id;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Text.
    Text,
    /// A picture.
    Image,
    /// A voice recording.
    Voice,
    /// Any other file.
    File,
    /// Written by the system.
    System,
    /// A call that took place.
    CallLog,
}

impl MessageKind {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Voice => "voice",
            Self::File => "file",
            Self::System => "system",
            Self::CallLog => "call_log",
        }
    }
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// As usual.
    #[default]
    Normal,
    /// Recipients are asked to acknowledge it.
    Urgent,
}

/// A message. Sealed under its chat's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its number in the chat, from 1.
    pub seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// What it is.
    pub kind: MessageKind,
    /// Sealed: what it says; `None` once deleted.
    pub content: Option<Sealed>,
    /// How much it matters.
    pub priority: Priority,
    /// When it was sent.
    pub created_at: Time,
    /// When it was last edited.
    pub edited_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
    /// How many earlier versions there are.
    pub edits: u32,
    /// The blind index of its words.
    pub words: Vec<String>,
}

/// The messages of a chat, by number (see [`sequence_id`]).
pub fn messages(chat: &ChatId) -> Collection<Message> {
    Collection::below("chats", chat.as_str(), "messages", INDEXES)
}

/// The composite indexes of messages: search in a chat, newest first.
pub const INDEXES: &[Index] = &[&[IndexField::Contains("words"), IndexField::Descending("seq")]];

/// The label of the blind index of a message's words.
pub const WORDS_INDEX: &str = "message.words";

/// An earlier version of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageVersion {
    /// Sealed: what it said, at the place of that version.
    pub content: Sealed,
    /// Since when it said so.
    pub written_at: Time,
    /// Until when.
    pub replaced_at: Time,
}

/// A message's earlier versions, by version number (see [`sequence_id`]).
pub fn versions(message: &MessageId) -> Collection<MessageVersion> {
    Collection::below("messages", message.as_str(), "versions", &[])
}

/// That someone acknowledged an urgent message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledgement {
    /// When.
    pub at: Time,
}

/// A message's acknowledgements, by user id.
pub fn acknowledgements(message: &MessageId) -> Collection<Acknowledgement> {
    Collection::below("messages", message.as_str(), "acknowledgements", &[])
}

/// What a user's client sent under an id of its own. Kept for a day, so that it is not sent twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSend {
    /// The message that it became.
    pub message_id: MessageId,
}

/// What a user's clients sent, by a hash of their ids.
pub fn client_sends(user: &UserId) -> Collection<ClientSend> {
    Collection::below("users", user.as_str(), "client-sends", &[]).expiring()
}

/// The public id of a message, from which [`parse_message_id`] finds it with one read.
pub fn message_id(chat: &ChatId, seq: u64) -> MessageId {
    let text = format!("{chat}_{}", sequence_id(seq));
    // A chat's id is a UUID, so this is 47 allowed characters; a foreign id of 80 would make a name nobody can find.
    text.parse().unwrap_or_else(|_| unreachable_id())
}

#[expect(clippy::panic, reason = "chat ids are made by this program and short")]
fn unreachable_id() -> MessageId {
    panic!("a chat id is too long to make message ids of")
}

/// The chat and number that a message id names; `None` where it can name no message.
pub fn parse_message_id(id: &MessageId) -> Option<(ChatId, u64)> {
    let (chat, seq) = id.as_str().rsplit_once('_')?;
    let number: u64 = seq.parse().ok()?;
    if seq != sequence_id(number) || number == 0 || seq.len() != 10 {
        return None;
    }
    Some((chat.parse().ok().filter(|chat: &ChatId| chat.as_str().len() <= 64)?, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_names_its_chat_and_number() {
        let chat: ChatId = "4b0c2a9e-1111-4222-8333-444455556666".parse().unwrap();
        let id = message_id(&chat, 12);
        assert_eq!(id.as_str(), "4b0c2a9e-1111-4222-8333-444455556666_0000000012");
        assert_eq!(parse_message_id(&id), Some((chat, 12)));
        for bad in ["x", "x_12", "_0000000001", "x_0000000000", "x_00000000001", "x_000000000a", "x_+000000001"] {
            assert_eq!(
                parse_message_id(&bad.parse::<MessageId>().unwrap_or_else(|_| "x".parse().unwrap())),
                None,
                "{bad}"
            );
        }
    }
}
