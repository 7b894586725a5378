use axum::extract::State;
use conversations::{Change, MessageView, OpenChat, Places, chat_subject, for_member, preview_of, turn, words_of};
use garde::Validate;
use kernel::{MessageId, Phi, UserId};
use model::chat::{CHATS, Chat, Happening, sequence_id};
use model::message::{Message, MessageKind, MessageVersion, messages, parse_message_id, versions};
use serde::Deserialize;
use store::Doc;
use utoipa::ToSchema;
use vault::SubjectKey;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::get_message::view_of;
use crate::send_message::says_something;

/// What a message is to say.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EditMessageBody {
    /// 1 to 20,000 characters, not only blanks.
    #[garde(custom(says_something))]
    #[schema(example = "Updated message content", min_length = 1, max_length = 20000)]
    content: String,
}

/// Edit a message
///
/// By its sender, and text only. Every version is kept: see the message's history.
#[utoipa::path(
    put, path = "/api/v1/messages/{messageId}", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    request_body = EditMessageBody,
    responses((status = 200, body = MessageView), Problems),
)]
pub(crate) async fn edit_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
    Json(body): Json<EditMessageBody>,
) -> Result<Json<MessageView>, ApiError> {
    caller.must_see_phi()?;
    let (chat_id, seq) = parse_message_id(&message_id).ok_or_else(no_message)?;
    let content = Phi::new(body.content);
    let words = words_of(&app, &caller.store, &content).await?;
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    let (open, message) = caller
        .store
        .transact("edit-message", async |tx| {
            let (collection, id) = (messages(&chat_id), sequence_id(seq));
            let (chat, message) = tx.get_both((&CHATS, chat_id.as_str()), (&collection, &id)).await?;
            let (mut chat, mut message) = editable(chat, message, caller.user())?;
            let key = app.vault.key(&caller.store, &chat_subject(&chat_id, chat.patient_id.as_ref())).await?;
            let places = Places::of(caller.tenant(), &chat_id);
            let Some(version) = replaced(&key, &places, &message_id, &message, &change, Some(&content))? else {
                return Ok::<_, ApiError>((OpenChat { id: chat_id.clone(), chat, key }, message));
            };
            message.edits += 1;
            tx.put(&versions(&message_id), &sequence_id(message.edits.into()), &version)?;
            message.content = Some(key.seal(&places.content(&message_id), &content));
            message.edited_at = Some(change.at());
            message.words.clone_from(&words);
            tx.put(&collection, &id, &message)?;
            if let Some(last) = chat.last_message.as_mut().filter(|last| last.seq == seq) {
                last.preview = Some(key.seal(&places.preview(&message_id), &preview_of(&content)));
            }
            let chat = change.append(&tx, chat, Happening::MessageEdited { seq })?;
            Ok((OpenChat { id: chat_id.clone(), chat, key }, message))
        })
        .await?;
    view_of(&caller, &open, &message).await.map(Json)
}

fn editable(
    chat: Option<Doc<Chat>>,
    message: Option<Doc<Message>>,
    editor: &UserId,
) -> Result<(Chat, Message), ApiError> {
    let chat = for_member(chat, editor).map_err(|_| no_message())?;
    let message = message.ok_or_else(no_message)?.value;
    if message.sender != *editor {
        return Err(ApiError::forbidden("Only its sender edits a message."));
    }
    if message.deleted_at.is_some() {
        return Err(ApiError::field("messageId", "messageId: the message was deleted"));
    }
    if message.kind != MessageKind::Text {
        return Err(ApiError::field("messageId", "messageId: only text messages are edited"));
    }
    Ok((chat, message))
}

/// The version that a change of a message puts aside; `None` where the message says `new` already, or nothing.
pub(crate) fn replaced(
    key: &SubjectKey,
    places: &Places<'_>,
    id: &MessageId,
    message: &Message,
    change: &Change,
    new: Option<&Phi<String>>,
) -> Result<Option<MessageVersion>, ApiError> {
    let Some(sealed) = &message.content else { return Ok(None) };
    let old = key.open(&places.content(id), sealed)?;
    if Some(&old) == new {
        return Ok(None);
    }
    let version = sequence_id(u64::from(message.edits) + 1);
    Ok(Some(MessageVersion {
        content: key.seal(&places.version(id, &version), &old),
        written_at: message.edited_at.unwrap_or(message.created_at),
        replaced_at: change.at(),
    }))
}

pub(crate) fn no_message() -> ApiError {
    ApiError::not_found("message")
}
