use axum::extract::State;
use conversations::{MessageView, open};
use kernel::ChatId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems, Query};

use crate::window::{MessagesPagination, MessagesQuery};

/// A page of a chat's messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagesPage {
    /// The messages, oldest first.
    data: Vec<MessageView>,
    /// Which page this is.
    pagination: MessagesPagination,
}

/// A chat's messages
///
/// The newest ones, unless told; from there on by cursor, to older and to newer ones.
#[utoipa::path(
    get, path = "/api/v1/chats/{chatId}/messages", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat"), MessagesQuery),
    responses((status = 200, body = MessagesPage), Problems),
)]
pub(crate) async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<MessagesPage>, ApiError> {
    caller.must_see_phi()?;
    let open = open(&app, &caller.store, &chat_id, caller.user()).await?;
    let window = query.window(&chat_id, open.chat.message_seq)?;
    let (data, _) = window.show(&caller.store, &open, caller.user()).await?;
    Ok(Json(MessagesPage { data, pagination: window.pagination(&chat_id, open.chat.message_seq) }))
}
