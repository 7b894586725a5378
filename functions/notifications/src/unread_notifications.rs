use model::notification::notifications;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, Caller, Json, Problems};

/// How many notifications are not read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadNotifications {
    /// How many.
    #[schema(example = 3)]
    count: u64,
}

/// Count my unread notifications
#[utoipa::path(
    get, path = "/api/v1/notifications/unread/count", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = UnreadNotifications, description = "How many"), Problems),
)]
pub(crate) async fn count_unread_notifications(caller: Caller) -> Result<Json<UnreadNotifications>, ApiError> {
    let mine = notifications(caller.user());
    let count = caller.store.count(&mine, &mine.all().eq("isRead", false)).await?;
    Ok(Json(UnreadNotifications { count }))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::chat::ChatType;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        only_ones_own_unread_ones_count,
    }

    async fn only_ones_own_unread_ones_count(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        app.say(&chat, &ann, "one").await;
        let message = app.say(&chat, &ann, "two").await;
        app.settle().await;
        let count =
            async |user| app.get("/api/v1/notifications/unread/count").by(user).expect(200).await["count"].clone();
        assert_eq!((count(&ann).await, count(&bob).await), (0.into(), 2.into()));
        app.put(&format!("/api/v1/notifications/n-{}/read", message.id)).by(&bob).expect(200).await;
        assert_eq!(count(&bob).await, 1);
        app.get("/api/v1/notifications/unread/count").refused(401, "UNAUTHORIZED").await;
    }
}
