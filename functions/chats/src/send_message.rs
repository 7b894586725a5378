use axum::extract::State;
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
    #[schema(value_type = String, example = "normal")]
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
    caller.must_see_phi()?;
    let SendKind::Text = body.kind;
    let new = NewMessage {
        chat_id,
        sender: caller.user().clone(),
        kind: MessageKind::Text,
        content: Phi::new(body.content),
        priority: body.priority,
    };
    let sent = send(&app, &caller.store, new).await?;
    Ok((StatusCode::CREATED, Json(sent.view)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        nothing_to_say_is_refused, a_stranger_finds_no_chat,
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
