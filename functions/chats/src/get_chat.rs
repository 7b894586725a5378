use axum::extract::State;
use conversations::{MessageView, open};
use kernel::ChatId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems, Query};

use crate::window::{MessagesPagination, MessagesQuery};
use crate::wire::{ChatSummary, ParticipantView};

/// A chat with who takes part and a page of its messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatDetails {
    #[serde(flatten)]
    chat: ChatSummary,
    /// Who takes part.
    participants: Vec<ParticipantView>,
    /// The messages of the page, oldest first.
    messages: Vec<MessageView>,
    /// Which page that is.
    pagination: MessagesPagination,
}

/// A chat with its messages
///
/// The newest ones, unless told.
#[utoipa::path(
    get, path = "/api/v1/chats/{chatId}", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat"), MessagesQuery),
    responses((status = 200, body = ChatDetails), Problems),
)]
pub(crate) async fn get_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<ChatDetails>, ApiError> {
    caller.must_see_phi()?;
    let open = open(&app, &caller.store, &chat_id, caller.user()).await?;
    let window = query.window(&chat_id, open.chat.message_seq)?;
    let (messages, own) = window.show(&caller.store, &open, caller.user()).await?;
    Ok(Json(ChatDetails {
        chat: ChatSummary::of(caller.tenant(), &open, &own)?,
        participants: ParticipantView::all(caller.tenant(), &open)?,
        messages,
        pagination: window.pagination(&chat_id, open.chat.message_seq),
    }))
}
