//! What a client can ask for over a socket.

use conversations::MAX_MESSAGE_CHARS;
use garde::Validate;
use kernel::{ChatId, MessageId, NotificationId};
use model::message::Priority;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use web::{ApiError, Code, read_json};

/// A client's frame, understood.
pub(crate) enum Command {
    Authenticate(Authenticate),
    Resume(Resume),
    Send(SendFrame),
    Typing(Typing),
    Read(OfMessage),
    Delivered(OfMessage),
    Acknowledge(OfMessage),
    Join(OfChat),
    AcknowledgeNotification(OfNotification),
    Ping,
}

/// `auth`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Authenticate {
    #[garde(length(max = 5000))]
    pub(crate) token: String,
    #[serde(default)]
    #[garde(length(max = 100))]
    pub(crate) last_event_id: Option<String>,
}

/// `resume`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resume {
    #[garde(length(max = 100))]
    pub(crate) last_event_id: String,
}

/// `message:send`. A sender that the frame names is ignored: it is the token's user.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendFrame {
    #[garde(skip)]
    pub(crate) chat_id: ChatId,
    #[garde(custom(says_something))]
    pub(crate) content: String,
    #[serde(default, rename = "type")]
    #[garde(skip)]
    _kind: TextOnly,
    #[serde(default)]
    #[garde(skip)]
    pub(crate) priority: Priority,
    #[serde(default)]
    #[garde(length(max = 100))]
    pub(crate) client_id: Option<String>,
    #[serde(default, rename = "senderId")]
    #[garde(skip)]
    _sender_id: IgnoredAny,
    #[serde(default, rename = "userId")]
    #[garde(skip)]
    _user_id: IgnoredAny,
}

/// Files and voice go by the upload operations.
#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TextOnly {
    #[default]
    Text,
}

/// `user:typing`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Typing {
    #[garde(skip)]
    pub(crate) chat_id: ChatId,
    #[garde(skip)]
    pub(crate) is_typing: bool,
    #[serde(default, rename = "userId")]
    #[garde(skip)]
    _user_id: IgnoredAny,
}

/// `message:read`, `message:delivered`, `message:acknowledge`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfMessage {
    #[garde(skip)]
    pub(crate) message_id: MessageId,
    #[serde(default, rename = "chatId")]
    #[garde(skip)]
    _chat_id: IgnoredAny,
    #[serde(default, rename = "userId")]
    #[garde(skip)]
    _user_id: IgnoredAny,
}

/// `chat:join`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfChat {
    #[garde(skip)]
    pub(crate) chat_id: ChatId,
    #[serde(default, rename = "userId")]
    #[garde(skip)]
    _user_id: IgnoredAny,
}

/// `notification:acknowledge`.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfNotification {
    #[garde(skip)]
    pub(crate) notification_id: NotificationId,
    #[serde(default, rename = "userId")]
    #[garde(skip)]
    _user_id: IgnoredAny,
}

fn says_something(content: &str, (): &()) -> garde::Result {
    if content.trim().is_empty() {
        return Err(garde::Error::new("content: say something; blanks alone are no message"));
    }
    if content.chars().count() > MAX_MESSAGE_CHARS {
        return Err(garde::Error::new(format!("content: at most {MAX_MESSAGE_CHARS} characters")));
    }
    Ok(())
}

impl Command {
    /// Reads a frame's data as its event's name says.
    pub(crate) fn read(event: &str, data: &Value) -> Result<Self, ApiError> {
        Ok(match event {
            "auth" => Self::Authenticate(strict(data)?),
            "resume" => Self::Resume(strict(data)?),
            "message:send" => Self::Send(strict(data)?),
            "user:typing" => Self::Typing(strict(data)?),
            "message:read" => Self::Read(strict(data)?),
            "message:delivered" => Self::Delivered(strict(data)?),
            "message:acknowledge" => Self::Acknowledge(strict(data)?),
            "chat:join" => Self::Join(strict(data)?),
            "notification:acknowledge" => Self::AcknowledgeNotification(strict(data)?),
            "ping" => Self::Ping,
            _ => {
                return Err(
                    ApiError::new(Code::InvalidRequest, "There is no such event to send.").detail("field", "event")
                );
            }
        })
    }
}

fn strict<T: DeserializeOwned + Validate<Context = ()>>(data: &Value) -> Result<T, ApiError> {
    if !data.is_object() {
        return Err(ApiError::field("data", "data: an object"));
    }
    read_json(data.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(event: &str, data: Value) -> String {
        let Err(error) = Command::read(event, &data) else { panic!("{event} was taken") };
        let body = error.body(kernel::Time::from_millis(0));
        body["error"]["details"]["field"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(wrong("message:send", json!({"chatId": "c", "content": " "})), "content");
        assert_eq!(wrong("message:send", json!({"chatId": "c", "content": "x".repeat(20_001)})), "content");
        assert_eq!(wrong("message:send", json!({"chatId": "../c", "content": "x"})), "chatId");
        assert_eq!(wrong("message:send", json!({"content": "x"})), "chatId");
        assert_eq!(wrong("message:send", json!({"chatId": "c", "content": "x", "type": "voice"})), "type");
        assert_eq!(wrong("message:send", json!({"chatId": "c", "content": "x", "extra": 1})), "extra");
        assert_eq!(wrong("message:send", json!([])), "data");
        assert_eq!(wrong("user:typing", json!({"chatId": "c"})), "isTyping");
        assert_eq!(wrong("message:read", json!({"messageId": 7})), "messageId");
        assert_eq!(wrong("resume", json!({})), "lastEventId");
        assert_eq!(wrong("call:initiated", json!({})), "event");
    }

    #[test]
    fn a_named_sender_is_ignored() {
        let spoofed = json!({"chatId": "c", "content": "x", "senderId": "someone", "userId": {"a": 1}});
        assert!(matches!(Command::read("message:send", &spoofed), Ok(Command::Send(_))));
    }
}
