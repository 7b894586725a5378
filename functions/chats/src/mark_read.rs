use axum::extract::State;
use conversations::{mark_read, open};
use kernel::{ChatId, MessageId, Time};
use model::message::message_id;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// Up to where the caller has read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadUpTo {
    /// The chat.
    chat_id: ChatId,
    /// The message; it and all before it are read. `null` where the chat has none.
    message_id: Option<MessageId>,
    /// Always `true`.
    #[schema(example = true)]
    is_read: bool,
    /// When it was read.
    read_at: Time,
}

/// Mark a message as read
///
/// It and all before it in its chat. The others are told.
#[utoipa::path(
    post, path = "/api/v1/messages/{messageId}/read", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    responses((status = 200, body = ReadUpTo), Problems),
)]
pub(crate) async fn mark_message_read(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Result<Json<ReadUpTo>, ApiError> {
    caller.must_see_phi()?;
    let (read_at, _) = mark_read(&app, &caller.store, caller.user(), &id).await?;
    let (chat_id, _) = model::message::parse_message_id(&id).ok_or_else(|| ApiError::not_found("message"))?;
    Ok(Json(ReadUpTo { chat_id, message_id: Some(id), is_read: true, read_at }))
}

/// Mark all messages of a chat as read
#[utoipa::path(
    post, path = "/api/v1/chats/{chatId}/messages/read-all", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    responses((status = 200, body = ReadUpTo), Problems),
)]
pub(crate) async fn mark_all_messages_read(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
) -> Result<Json<ReadUpTo>, ApiError> {
    caller.must_see_phi()?;
    let newest = open(&app, &caller.store, &chat_id, caller.user()).await?.chat.message_seq;
    if newest == 0 {
        return Ok(Json(ReadUpTo { chat_id, message_id: None, is_read: true, read_at: app.now() }));
    }
    let id = message_id(&chat_id, newest);
    let (read_at, _) = mark_read(&app, &caller.store, caller.user(), &id).await?;
    Ok(Json(ReadUpTo { chat_id, message_id: Some(id), is_read: true, read_at }))
}
