use axum::extract::State;
use conversations::acknowledge;
use kernel::{MessageId, Time};
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// That the caller has acknowledged a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcknowledgedMessage {
    /// Which.
    message_id: MessageId,
    /// When, the first time.
    acknowledged_at: Time,
}

/// Acknowledge an urgent message
///
/// A second time changes nothing.
#[utoipa::path(
    post, path = "/api/v1/messages/{messageId}/acknowledge", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    responses((status = 200, body = AcknowledgedMessage), Problems),
)]
pub(crate) async fn acknowledge_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
) -> Result<Json<AcknowledgedMessage>, ApiError> {
    caller.must_see_phi()?;
    let acknowledged_at = acknowledge(&app, &caller.store, caller.user(), &message_id).await?;
    Ok(Json(AcknowledgedMessage { message_id, acknowledged_at }))
}
