use axum::extract::State;
use charts::Asking;
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
    caller.trail.action("message.acknowledge").entity("message", &message_id);
    caller.must_see_phi()?;
    let acknowledged_at = acknowledge(&Asking::of(&app, &caller), &message_id).await?;
    Ok(Json(AcknowledgedMessage { message_id, acknowledged_at }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use testkit::TestApp;

    use crate::testing::{Team, say, say_urgently};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_first_time_counts, only_urgent_messages_of_others,
    }

    async fn the_first_time_counts(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let id = say_urgently(&app, &ann, &chat, "come").await;
        let acknowledge = || app.post(&format!("/api/v1/messages/{id}/acknowledge")).by(&bob);
        let first = acknowledge().expect(200).await;
        assert_eq!(first["acknowledgedAt"], "2026-01-15T10:00:00.000Z");
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(acknowledge().expect(200).await, first);
    }

    async fn only_urgent_messages_of_others(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let eve = app.user(Role::Nurse, "Eve").await;
        let acknowledge = |id: &str, by| app.post(&format!("/api/v1/messages/{id}/acknowledge")).by(by);
        let calm = say(&app, &ann, &chat, "no hurry").await;
        assert_eq!(acknowledge(&calm, &bob).refused(400, "VALIDATION_ERROR").await, "messageId");
        let urgent = say_urgently(&app, &ann, &chat, "come").await;
        acknowledge(&urgent, &ann).refused(403, "FORBIDDEN").await;
        acknowledge(&urgent, &eve).refused(404, "NOT_FOUND").await;
        app.delete(&format!("/api/v1/messages/{urgent}")).by(&ann).expect(204).await;
        assert_eq!(acknowledge(&urgent, &bob).refused(400, "VALIDATION_ERROR").await, "messageId");
    }
}
