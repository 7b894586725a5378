use axum::extract::State;
use conversations::{MessageView, OpenChat, Places, TOLD_READ_UP_TO, is_read, open_message, show};
use kernel::MessageId;
use model::message::Message;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// A message
///
/// For the members of its chat. Of a deleted one only that it was there.
#[utoipa::path(
    get, path = "/api/v1/messages/{messageId}", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    responses((status = 200, body = MessageView), Problems),
)]
pub(crate) async fn get_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
) -> Result<Json<MessageView>, ApiError> {
    caller.must_see_phi()?;
    let (open, message) = open_message(&app, &caller.store, &message_id, caller.user()).await?;
    view_of(&caller, &open, &message).await.map(Json)
}

/// A message as the caller sees it, with one read for who has read it.
pub(crate) async fn view_of(caller: &Caller, open: &OpenChat, message: &Message) -> Result<MessageView, ApiError> {
    let (own, others) = open.memberships(&caller.store, caller.user(), TOLD_READ_UP_TO).await?;
    let is_read = is_read(&open.chat, caller.user(), own.as_ref(), &others, message);
    show(open, &Places::of(caller.tenant(), &open.id), message, is_read)
}
