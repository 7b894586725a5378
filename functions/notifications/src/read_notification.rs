use axum::extract::State;
use kernel::{NotificationId, Time};
use model::notification::notifications;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// A notification that is read now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadNotification {
    /// Which.
    id: NotificationId,
    /// For people.
    #[schema(example = "Notification marked as read")]
    message: &'static str,
    /// Always `true`.
    is_read: bool,
    /// When it was read first.
    read_at: Option<Time>,
}

/// Mark a notification as read
///
/// A second time changes nothing.
#[utoipa::path(
    put, path = "/api/v1/notifications/{notificationId}/read", tag = "notifications", security(("bearer" = [])),
    params(("notificationId" = NotificationId, Path, description = "The notification")),
    responses((status = 200, body = ReadNotification, description = "Read"), Problems),
)]
pub(crate) async fn read_notification(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NotificationId>,
) -> Result<Json<ReadNotification>, ApiError> {
    let mine = notifications(caller.user());
    let now = app.now();
    let read_at = caller
        .store
        .transact("read-notification", async |tx| {
            let found = tx.get(&mine, id.as_str()).await?;
            let mut notification = found.ok_or_else(|| ApiError::not_found("notification"))?.value;
            if !notification.is_read {
                (notification.is_read, notification.read_at) = (true, Some(now));
                tx.put_until(&mine, id.as_str(), &notification, notification.expires_at())?;
            }
            Ok::<_, ApiError>(notification.read_at)
        })
        .await?;
    Ok(Json(ReadNotification { id, message: "Notification marked as read", is_read: true, read_at }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::chat::ChatType;
    use serde_json::json;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        reading_twice_keeps_the_first_time, anothers_is_not_there,
    }

    async fn reading_twice_keeps_the_first_time(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        let message = app.say(&chat, &ann, "one").await;
        app.settle().await;
        let id = format!("n-{}", message.id);
        let first = app.app.now().to_string();
        for _ in 0..2 {
            let read = app.put(&format!("/api/v1/notifications/{id}/read")).by(&bob).expect(200).await;
            let expected = json!({"id": id, "message": "Notification marked as read", "isRead": true, "readAt": first});
            assert_eq!(read, expected);
            app.clock.advance(Duration::from_secs(9));
        }
        let list = app.get("/api/v1/notifications").by(&bob).expect(200).await;
        assert_eq!((&list["data"][0]["isRead"], &list["data"][0]["readAt"]), (&json!(true), &json!(first)));
    }

    async fn anothers_is_not_there(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        let message = app.say(&chat, &ann, "one").await;
        app.settle().await;
        let path = format!("/api/v1/notifications/n-{}/read", message.id);
        app.put(&path).by(&ann).refused(404, "NOT_FOUND").await;
        app.put("/api/v1/notifications/none/read").by(&ann).refused(404, "NOT_FOUND").await;
        let field = app.put("/api/v1/notifications/a%20b/read").by(&ann).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "notificationId");
        app.put(&path).refused(401, "UNAUTHORIZED").await;
    }
}
