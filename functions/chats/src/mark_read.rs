use axum::extract::State;
use charts::Asking;
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
    caller.trail.action("message.mark-read").entity("message", &id);
    caller.must_see_phi()?;
    let (read_at, _) = mark_read(&Asking::of(&app, &caller), &id).await?;
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
    caller.trail.action("message.mark-read").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let newest = open(&Asking::of(&app, &caller), &chat_id).await?.chat.message_seq;
    if newest == 0 {
        return Ok(Json(ReadUpTo { chat_id, message_id: None, is_read: true, read_at: app.now() }));
    }
    let id = message_id(&chat_id, newest);
    let (read_at, _) = mark_read(&Asking::of(&app, &caller), &id).await?;
    Ok(Json(ReadUpTo { chat_id, message_id: Some(id), is_read: true, read_at }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{Team, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_mark_counts_what_comes_before_it, read_all_is_cheap, what_is_not_there_is_not_read,
    }

    async fn a_mark_counts_what_comes_before_it(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(say(&app, if n % 3 == 2 { &bob } else { &ann }, &chat, "x").await);
        }
        let unread = async || listed(&app, &bob, &chat).await["unreadCount"].as_u64().unwrap();
        let read = |id: &str| app.post(&format!("/api/v1/messages/{id}/read")).by(&bob);
        assert_eq!(unread().await, 4);
        let first = read(&ids[1]).expect(200).await;
        assert_eq!(
            (&first["messageId"], &first["chatId"], &first["isRead"]),
            (&json!(ids[1]), &json!(chat), &json!(true))
        );
        assert_eq!(unread().await, 2);
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(read(&ids[0]).expect(200).await["readAt"], first["readAt"], "the mark moves forward only");
        assert_eq!(unread().await, 2);
        read(&ids[3]).expect(200).await;
        assert_eq!(unread().await, 1);
        say(&app, &bob, &chat, "x").await;
        assert_eq!(unread().await, 1);
        let all = app.post(&format!("/api/v1/chats/{chat}/messages/read-all")).by(&bob).expect(200).await;
        assert_eq!(all["messageId"], format!("{chat}_0000000007"));
        assert_eq!(unread().await, 0);
        assert_eq!(listed(&app, &ann, &chat).await["unreadCount"], 3);
    }

    async fn read_all_is_cheap(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let all = || app.post(&format!("/api/v1/chats/{chat}/messages/read-all")).by(&bob);
        assert_eq!(all().expect(200).await["messageId"], Value::Null);
        for _ in 0..3 {
            say(&app, &ann, &chat, "x").await;
        }
        app.settle().await;
        let before = app.store.meter().counts();
        all().expect(200).await;
        app.settle().await;
        let cost = app.store.meter().counts() - before;
        // One commit for the mark, and one in which the bus puts its event away.
        assert_eq!((cost.queries, cost.gets, cost.commits), (0, 3, 2));
    }

    async fn what_is_not_there_is_not_read(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let eve = app.user(Role::Nurse, "Eve").await;
        let id = say(&app, &ann, &chat, "x").await;
        app.post(&format!("/api/v1/messages/{chat}_0000000002/read")).by(&bob).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/messages/{id}/read")).by(&eve).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/chats/{chat}/messages/read-all")).by(&eve).refused(404, "NOT_FOUND").await;
    }
}
