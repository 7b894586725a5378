use axum::extract::State;
use charts::Asking;
use conversations::{Change, MessageView, OpenChat, Places, admit_in, chat_subject, preview_of, turn, words_of};
use garde::Validate;
use kernel::{MessageId, Phi, UserId};
use model::chat::{CHATS, Happening, sequence_id};
use model::message::{Message, MessageKind, MessageVersion, messages, parse_message_id, versions};
use serde::Deserialize;
use store::Doc;
use utoipa::ToSchema;
use vault::SubjectKey;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::get_message::view_of;
use crate::send_message::says_something;

/// What a message is to say.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EditMessageBody {
    /// 1 to 20,000 characters, not only blanks.
    #[garde(custom(says_something))]
    #[schema(example = "Updated message content", min_length = 1, max_length = 20000)]
    content: String,
}

/// Edit a message
///
/// By its sender, and text only. Every version is kept: see the message's history.
#[utoipa::path(
    put, path = "/api/v1/messages/{messageId}", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    request_body = EditMessageBody,
    responses((status = 200, body = MessageView), Problems),
)]
pub(crate) async fn edit_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
    Json(body): Json<EditMessageBody>,
) -> Result<Json<MessageView>, ApiError> {
    caller.trail.action("message.edit").entity("message", &message_id);
    caller.must_see_phi()?;
    let (chat_id, seq) = parse_message_id(&message_id).ok_or_else(no_message)?;
    let content = Phi::new(body.content);
    let words = words_of(&app, &caller.store, &content).await?;
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    let (open, message) = caller
        .store
        .transact("edit-message", async |tx| {
            let (collection, id) = (messages(&chat_id), sequence_id(seq));
            let (chat, message) = tx.get_both((&CHATS, chat_id.as_str()), (&collection, &id)).await?;
            let admitted = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, chat).await;
            let mut chat = admitted.map_err(|error| error.instead_of_not_found(no_message()))?;
            let mut message = editable(message, caller.user())?;
            let key = app.vault.key(&caller.store, &chat_subject(&chat_id, chat.patient_id.as_ref())).await?;
            let places = Places::of(caller.tenant(), &chat_id);
            let Some(version) = replaced(&key, &places, &message_id, &message, &change, Some(&content))? else {
                return Ok::<_, ApiError>((OpenChat { id: chat_id.clone(), chat, key }, message));
            };
            message.edits += 1;
            tx.put(&versions(&message_id), &sequence_id(message.edits.into()), &version)?;
            message.content = Some(key.seal(&places.content(&message_id), &content));
            message.edited_at = Some(change.at());
            message.words.clone_from(&words);
            tx.put(&collection, &id, &message)?;
            if let Some(last) = chat.last_message.as_mut().filter(|last| last.seq == seq) {
                last.preview = Some(key.seal(&places.preview(&message_id), &preview_of(&content)));
            }
            let chat = change.append(&tx, chat, Happening::MessageEdited { seq })?;
            Ok((OpenChat { id: chat_id.clone(), chat, key }, message))
        })
        .await?;
    view_of(&caller, &open, &message).await.map(Json)
}

fn editable(message: Option<Doc<Message>>, editor: &UserId) -> Result<Message, ApiError> {
    let message = message.ok_or_else(no_message)?.value;
    if message.sender != *editor {
        return Err(ApiError::forbidden("Only its sender edits a message."));
    }
    if message.deleted_at.is_some() {
        return Err(ApiError::field("messageId", "messageId: the message was deleted"));
    }
    if message.kind != MessageKind::Text {
        return Err(ApiError::field("messageId", "messageId: only text messages are edited"));
    }
    Ok(message)
}

/// The version that a change of a message puts aside; `None` where the message says `new` already, or nothing.
pub(crate) fn replaced(
    key: &SubjectKey,
    places: &Places<'_>,
    id: &MessageId,
    message: &Message,
    change: &Change,
    new: Option<&Phi<String>>,
) -> Result<Option<MessageVersion>, ApiError> {
    let Some(sealed) = &message.content else { return Ok(None) };
    let old = key.open(&places.content(id), sealed)?;
    if Some(&old) == new {
        return Ok(None);
    }
    let version = sequence_id(u64::from(message.edits) + 1);
    Ok(Some(MessageVersion {
        content: key.seal(&places.version(id, &version), &old),
        written_at: message.edited_at.unwrap_or(message.created_at),
        replaced_at: change.at(),
    }))
}

pub(crate) fn no_message() -> ApiError {
    ApiError::not_found("message")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use testkit::{TestApp, TestUser};

    use crate::testing::{Team, each, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        every_version_is_kept, it_is_found_by_its_new_words, only_the_sender_edits, the_same_again_is_no_edit,
    }

    fn edit(app: &TestApp, by: &TestUser, id: &str, content: &str) -> testkit::TestRequest {
        app.put(&format!("/api/v1/messages/{id}")).by(by).json(&json!({"content": content}))
    }

    async fn every_version_is_kept(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let id = say(&app, &ann, &chat, "one").await;
        for content in ["two", "three"] {
            app.clock.advance(Duration::from_secs(60));
            let edited = edit(&app, &ann, &id, content).expect(200).await;
            assert_eq!(edited["content"], content);
        }
        assert_eq!(get(&app, &bob, &format!("/api/v1/messages/{id}")).await["editedAt"], "2026-01-15T10:02:00.000Z");
        let history = get(&app, &bob, &format!("/api/v1/messages/{id}/history")).await;
        assert_eq!(each(&history["data"], "content"), ["one", "two", "three"]);
        assert_eq!(each(&history["data"], "version"), ["1", "2", "3"]);
        let minute = |n: u8| format!("2026-01-15T10:0{n}:00.000Z");
        assert_eq!(each(&history["data"], "writtenAt"), [minute(0), minute(1), minute(2)]);
        assert_eq!(each(&history["data"], "replacedAt"), [minute(1), minute(2), "null".to_owned()]);
    }

    async fn it_is_found_by_its_new_words(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let first = say(&app, &ann, &chat, "aspirin").await;
        let second = say(&app, &ann, &chat, "tea").await;
        edit(&app, &ann, &second, "coffee  please").expect(200).await;
        assert_eq!(listed(&app, &bob, &chat).await["lastMessage"], "coffee please");
        edit(&app, &ann, &first, "ibuprofen").expect(200).await;
        assert_eq!(listed(&app, &bob, &chat).await["lastMessage"], "coffee please");
        let found =
            async |q: &str| get(&app, &bob, &format!("/api/v1/chats/{chat}/search?q={q}")).await["data"].clone();
        assert_eq!(each(&found("aspirin").await, "id"), Vec::<String>::new());
        assert_eq!(each(&found("ibuprofen").await, "id"), [first]);
        assert_eq!(listed(&app, &bob, &chat).await["unreadCount"], 2);
    }

    async fn only_the_sender_edits(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let id = say(&app, &bob, &chat, "one").await;
        edit(&app, &ann, &id, "two").refused(403, "FORBIDDEN").await;
        assert_eq!(edit(&app, &bob, &id, " ").refused(400, "VALIDATION_ERROR").await, "content");
        edit(&app, &bob, &format!("{chat}_0000000009"), "x").refused(404, "NOT_FOUND").await;
        let body = json!({"content": "x", "type": "text"});
        let more = app.put(&format!("/api/v1/messages/{id}")).by(&bob).json(&body);
        assert_eq!(more.refused(400, "VALIDATION_ERROR").await, "type");
        app.delete(&format!("/api/v1/messages/{id}")).by(&bob).expect(204).await;
        assert_eq!(edit(&app, &bob, &id, "x").refused(400, "VALIDATION_ERROR").await, "messageId");
    }

    async fn the_same_again_is_no_edit(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let id = say(&app, &ann, &chat, "one").await;
        let same = edit(&app, &ann, &id, "one").expect(200).await;
        assert_eq!(same["editedAt"], serde_json::Value::Null);
        assert_eq!(get(&app, &ann, &format!("/api/v1/messages/{id}/history")).await["pagination"]["total"], 1);
    }
}
