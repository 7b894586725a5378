//! Wire types and checks that several operations share.

use conversations::{OpenChat, Places, content_of_kind};
use kernel::{ChatId, PatientId, Phi, Role, TenantId, Time, UserId};
use model::chat::{Chat, ChatType};
use model::membership::Membership;
use serde::Serialize;
use utoipa::ToSchema;
use web::ApiError;

/// The longest name of a chat, in characters.
const MAX_NAME_CHARS: usize = 255;

/// A chat, as one of its members sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatSummary {
    /// The chat.
    pub(crate) id: ChatId,
    /// Its name; a Direct chat without one has the other person's.
    #[schema(example = "Care Team - John Doe")]
    pub(crate) name: String,
    /// `Direct`, `Care Team`, `Family Update`, `Internal Staff`, `Broadcast` or `SMS`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Care Team")]
    pub(crate) kind: ChatType,
    /// The patient it is about.
    pub(crate) patient_id: Option<PatientId>,
    /// Where its picture is.
    #[schema(example = "https://files.example.com/avatars/7.png")]
    pub(crate) avatar: Option<String>,
    /// The telephone number of an SMS chat.
    #[schema(example = "+1234567890")]
    pub(crate) phone_number: Option<String>,
    /// Who made it.
    pub(crate) created_by: UserId,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When its name, picture or participants last changed.
    pub(crate) updated_at: Time,
    /// How many take part.
    #[schema(example = 4)]
    pub(crate) participant_count: usize,
    /// Whether the caller may change it.
    pub(crate) is_admin: bool,
    /// Whether the caller keeps it at the top.
    pub(crate) is_pinned: bool,
    /// Whether the caller gets no notifications of it.
    pub(crate) is_muted: bool,
    /// Whether the caller has put it away.
    pub(crate) is_archived: bool,
    /// How many messages of others the caller has not read.
    #[schema(example = 3)]
    pub(crate) unread_count: u64,
    /// The beginning of the last message; `null` where there is none, or where it was deleted.
    #[schema(example = "Thanks for the update")]
    pub(crate) last_message: Option<String>,
    /// When the last message was sent.
    pub(crate) last_message_time: Option<Time>,
}

impl ChatSummary {
    /// The chat as the member of `own` sees it. A named disclosure.
    pub(crate) fn of(tenant: &TenantId, open: &OpenChat, own: &Membership) -> Result<Self, ApiError> {
        let OpenChat { id, chat, key } = open;
        let places = Places::of(tenant, id);
        let phone_number = match &chat.phone_number {
            Some(sealed) => Some(key.open(&places.phone_number(), sealed)?.into_disclosed()),
            None => None,
        };
        Ok(Self {
            id: id.clone(),
            name: open.title_for(&places, &own.user_id)?.into_disclosed(),
            kind: chat.kind,
            patient_id: chat.patient_id.clone(),
            avatar: chat.avatar.clone(),
            phone_number,
            created_by: chat.created_by.clone(),
            created_at: chat.created_at,
            updated_at: chat.updated_at,
            participant_count: chat.current_members().count(),
            is_admin: chat.is_admin(&own.user_id),
            is_pinned: own.pinned,
            is_muted: own.muted,
            is_archived: own.archived,
            unread_count: own.unread(chat),
            last_message: last_message(open, &places)?,
            last_message_time: chat.last_message.as_ref().map(|last| last.at),
        })
    }
}

fn last_message(open: &OpenChat, places: &Places<'_>) -> Result<Option<String>, ApiError> {
    let Some(last) = &open.chat.last_message else { return Ok(None) };
    let Some(sealed) = &last.preview else { return Ok(None) };
    let id = model::message::message_id(&open.id, last.seq);
    let preview = open.key.open(&places.preview(&id), sealed)?.into_disclosed();
    Ok(Some(if preview.is_empty() { content_of_kind(last.kind).to_owned() } else { preview }))
}

/// Someone who takes part in a chat.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantView {
    /// The user.
    pub(crate) id: UserId,
    /// The user's name.
    #[schema(example = "John Doe")]
    pub(crate) name: String,
    /// What the user is at the clinic.
    pub(crate) role: Role,
    /// Whether the user may change the chat.
    pub(crate) is_admin: bool,
    /// When the user came in.
    pub(crate) joined_at: Time,
}

impl ParticipantView {
    /// Everyone who takes part now. A named disclosure.
    pub(crate) fn all(tenant: &TenantId, open: &OpenChat) -> Result<Vec<Self>, ApiError> {
        let places = Places::of(tenant, &open.id);
        let current = open.chat.current_members();
        current
            .map(|(user, member)| {
                Ok(Self {
                    id: user.clone(),
                    name: open.name_of(&places, user).map(Phi::into_disclosed)?,
                    role: member.role,
                    is_admin: member.admin,
                    joined_at: member.joined_at,
                })
            })
            .collect()
    }
}

/// Whether a text can be a chat's name.
pub(crate) fn chat_name(name: &Option<String>, (): &()) -> garde::Result {
    let Some(name) = name else { return Ok(()) };
    if name.trim().is_empty() || name.chars().any(char::is_control) || name.chars().count() > MAX_NAME_CHARS {
        return Err(garde::Error::new(format!("name: 1 to {MAX_NAME_CHARS} characters on one line, not only blanks")));
    }
    Ok(())
}

/// Refuses members who are no admin of the chat.
pub(crate) fn must_be_admin(chat: &Chat, user: &UserId) -> Result<(), ApiError> {
    if chat.is_admin(user) {
        return Ok(());
    }
    Err(ApiError::forbidden("Only the chat's admins may do this."))
}
