use kernel::{ChatId, MessageId, Phi, Time, UserId};
use model::chat::Chat;
use model::membership::Membership;
use model::message::{Message, MessageKind, Priority, message_id};
use serde::Serialize;
use utoipa::ToSchema;
use web::ApiError;

use crate::{OpenChat, Places};

/// Who sent a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SenderView {
    /// The user.
    pub id: UserId,
    /// The user's name.
    #[schema(example = "Dr. Smith")]
    pub name: String,
}

/// A message, as the API shows it.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// The message.
    pub id: MessageId,
    /// Its chat.
    pub chat_id: ChatId,
    /// Its number in the chat, from 1 without gaps.
    pub seq: u64,
    /// Who sent it.
    pub sender: SenderView,
    /// What it says; `null` once deleted.
    #[schema(example = "How are you feeling today?")]
    pub content: Option<String>,
    /// `text`, `image`, `voice`, `file`, `system` or `call_log`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "text")]
    pub kind: MessageKind,
    /// `normal` or `urgent`; an urgent one asks for acknowledgement.
    #[schema(value_type = String, example = "normal")]
    pub priority: Priority,
    /// When it was sent.
    pub created_at: Time,
    /// When it was last edited.
    pub edited_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
    /// For a message of someone else: whether the caller has read it. For one's own: whether someone else has (told in
    /// chats of up to 50; see the message's receipts for more).
    pub is_read: bool,
}

impl std::fmt::Debug for MessageView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageView({})", self.id)
    }
}

impl MessageView {
    pub(crate) fn new(
        id: MessageId,
        chat: &ChatId,
        sender: SenderView,
        content: Option<String>,
        message: &Message,
        is_read: bool,
    ) -> Self {
        Self {
            id,
            chat_id: chat.clone(),
            seq: message.seq,
            sender,
            content,
            kind: message.kind,
            priority: message.priority,
            created_at: message.created_at,
            edited_at: message.edited_at,
            deleted_at: message.deleted_at,
            is_read,
        }
    }
}

/// In chats of up to so many members the sender is told whether someone else has read a message.
pub const TOLD_READ_UP_TO: usize = 50;

/// Whether a member other than the sender has read a message. Who came in after it was sent is no recipient.
pub fn has_read(chat: &Chat, of: &Membership, message: &Message) -> bool {
    let was_there = chat.member(&of.user_id).is_some_and(|member| member.joined_at <= message.created_at);
    was_there && of.user_id != message.sender && of.read_at(message.seq).is_some()
}

/// What [`MessageView::is_read`] says, from [`OpenChat::memberships`] with [`TOLD_READ_UP_TO`].
pub fn is_read(
    chat: &Chat,
    reader: &UserId,
    own: Option<&Membership>,
    others: &[Membership],
    message: &Message,
) -> bool {
    if message.sender == *reader {
        return others.iter().any(|other| has_read(chat, other, message));
    }
    own.is_some_and(|own| message.seq <= own.read_seq)
}

/// A message for someone who may see its chat; `is_read` as [`MessageView`] has it. A named disclosure.
pub fn show(open: &OpenChat, places: &Places<'_>, message: &Message, is_read: bool) -> Result<MessageView, ApiError> {
    let id = message_id(&open.id, message.seq);
    let content = match &message.content {
        Some(sealed) => Some(open.key.open(&places.content(&id), sealed)?.into_disclosed()),
        None => None,
    };
    let name = open.name_of(places, &message.sender).map(Phi::into_disclosed)?;
    let sender = SenderView { id: message.sender.clone(), name };
    Ok(MessageView::new(id, &open.id, sender, content, message, is_read))
}
