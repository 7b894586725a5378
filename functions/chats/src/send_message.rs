use axum::extract::State;
use charts::Asking;
use conversations::{MAX_MESSAGE_CHARS, MessageView, NewMessage, send};
use garde::Validate;
use http::StatusCode;
use kernel::{ChatId, Phi};
use model::message::{MessageKind, Priority};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// A text message to send.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// What it says: 1 to 20,000 characters, not only blanks.
    #[garde(custom(says_something))]
    #[schema(example = "How are you feeling today?", min_length = 1, max_length = 20000)]
    content: String,
    /// Only `text` here; files and voice go by the upload operations.
    #[serde(default, rename = "type")]
    #[garde(skip)]
    kind: SendKind,
    /// `urgent` asks the recipients to acknowledge it.
    #[serde(default)]
    #[garde(skip)]
    priority: Priority,
}

/// What can be sent as JSON.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SendKind {
    /// Text.
    #[default]
    Text,
}

pub(crate) fn says_something(content: &str, (): &()) -> garde::Result {
    if content.trim().is_empty() {
        return Err(garde::Error::new("content: say something; blanks alone are no message"));
    }
    if content.chars().count() > MAX_MESSAGE_CHARS {
        return Err(garde::Error::new(format!("content: at most {MAX_MESSAGE_CHARS} characters")));
    }
    Ok(())
}

/// Send a message
///
/// The sender is the token's user. Members are notified and their sockets get `message:received`.
#[utoipa::path(
    post, path = "/api/v1/chats/{chatId}/messages", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    request_body = SendMessage,
    responses((status = 201, body = MessageView, description = "Sent"), Problems),
)]
pub(crate) async fn send_message(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Json(body): Json<SendMessage>,
) -> Result<(StatusCode, Json<MessageView>), ApiError> {
    caller.trail.action("message.send").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let SendKind::Text = body.kind;
    let new = NewMessage { chat_id, kind: MessageKind::Text, content: Phi::new(body.content), priority: body.priority };
    let sent = send(&Asking::of(&app, &caller), new).await?;
    Ok((StatusCode::CREATED, Json(sent.view)))
}

#[cfg(test)]
mod tests {
    use model::chat::{CHATS, sequence_id};
    use model::message::messages;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{Team, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        nothing_to_say_is_refused, a_stranger_finds_no_chat, it_costs_one_read_and_one_commit,
        many_at_once_are_numbered_without_gaps, another_process_may_come_between,
    }

    /// What another process does does not wait for its turn here.
    async fn another_process_may_come_between(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        say(&app, &ann, &chat, "first").await;
        let collection = messages(&chat.parse().unwrap());
        let elsewhere = async || {
            app.store
                .transact("another-process", async |tx| {
                    let mut found = tx.get(&CHATS, &chat).await?.unwrap().value;
                    let mut message = tx.get(&collection, &sequence_id(1)).await?.unwrap().value;
                    found.message_seq += 1;
                    message.seq = found.message_seq;
                    tx.put(&CHATS, &chat, &found)?;
                    tx.put(&collection, &sequence_id(message.seq), &message)
                })
                .await
                .unwrap();
        };
        let here = async || drop(say(&app, &ann, &chat, "here").await);
        tokio::join!(elsewhere(), here(), elsewhere(), here(), here(), elsewhere());
        let ids = app.store.query(&collection, &collection.all()).await.unwrap().into_iter().map(|doc| doc.id);
        assert_eq!(ids.collect::<Vec<_>>(), (1..=7).map(sequence_id).collect::<Vec<_>>());
    }

    async fn it_costs_one_read_and_one_commit(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        say(&app, &ann, &chat, "The first fetches the keys.").await;
        app.settle().await;
        let before = app.store.meter().counts();
        say(&app, &ann, &chat, "The second finds them at hand.").await;
        app.settle().await;
        let cost = app.store.meter().counts() - before;
        // A second commit is that of the bus in this process, which puts the handled event away.
        assert_eq!((cost.queries, cost.gets, cost.commits), (0, 1, 2));
        // The message, the chat, its log, the event and the audit entry; and the event's removal.
        assert_eq!(cost.documents_written, 5 + 1);
    }

    async fn many_at_once_are_numbered_without_gaps(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let sends = (0..50).map(|n| {
            let by = [&ann, &bob, &cy][n % 3];
            let send =
                app.post(&format!("/api/v1/chats/{chat}/messages")).by(by).json(&json!({"content": n.to_string()}));
            tokio::spawn(send.expect(201))
        });
        let mut numbers = Vec::new();
        for send in sends.collect::<Vec<_>>() {
            numbers.push(send.await.unwrap()["seq"].as_u64().unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=50).collect::<Vec<u64>>());
        let log = model::chat::log(&chat.parse().unwrap());
        let entries = app.store.query(&log, &log.all()).await.unwrap();
        let ids: Vec<String> = entries.into_iter().map(|doc| doc.id).collect();
        assert_eq!(ids, (1..=51).map(sequence_id).collect::<Vec<_>>(), "the chat itself and 50 messages");
    }

    async fn nothing_to_say_is_refused(app: TestApp) {
        let ann = app.user(kernel::Role::Doctor, "Ann").await;
        let send = |body: serde_json::Value| app.post("/api/v1/chats/c1/messages").by(&ann).json(&body);
        assert_eq!(send(json!({"content": " "})).refused(400, "VALIDATION_ERROR").await, "content");
        assert_eq!(send(json!({"content": "x".repeat(20_001)})).refused(400, "VALIDATION_ERROR").await, "content");
        assert_eq!(send(json!({"content": 7})).refused(400, "VALIDATION_ERROR").await, "content");
        assert_eq!(send(json!({})).refused(400, "VALIDATION_ERROR").await, "content");
        assert_eq!(send(json!({"content": "hi", "senderId": "x"})).refused(400, "VALIDATION_ERROR").await, "senderId");
        assert_eq!(send(json!({"content": "hi", "type": "video"})).refused(400, "VALIDATION_ERROR").await, "type");
    }

    async fn a_stranger_finds_no_chat(app: TestApp) {
        let ann = app.user(kernel::Role::Doctor, "Ann").await;
        let send =
            |chat: &str| app.post(&format!("/api/v1/chats/{chat}/messages")).by(&ann).json(&json!({"content": "hi"}));
        send("nobody-knows").refused(404, "NOT_FOUND").await;
        assert_eq!(send("not%20an%20id").refused(400, "VALIDATION_ERROR").await, "chatId");
        app.post("/api/v1/chats/c1/messages").json(&json!({"content": "hi"})).refused(401, "UNAUTHORIZED").await;
    }
}
