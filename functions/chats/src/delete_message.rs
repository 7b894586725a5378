use axum::extract::State;
use charts::Asking;
use conversations::{Change, Places, admit_in, chat_subject, turn};
use http::StatusCode;
use kernel::MessageId;
use model::chat::{CHATS, Happening, sequence_id};
use model::message::{messages, parse_message_id, versions};
use web::{ApiError, App, Caller, Path, Problems};

use crate::edit_message::{no_message, replaced};

/// Delete a message
///
/// By its sender or an admin of the chat. It stays in the chat without what it said; what it said is kept in its
/// history, for the sender and the chat's admins alone. A second time changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/messages/{messageId}", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(crate) async fn delete_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
) -> Result<StatusCode, ApiError> {
    caller.trail.action("message.delete").entity("message", &message_id);
    caller.must_see_phi()?;
    let (chat_id, seq) = parse_message_id(&message_id).ok_or_else(no_message)?;
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    caller
        .store
        .transact("delete-message", async |tx| {
            let (collection, id) = (messages(&chat_id), sequence_id(seq));
            let (chat, message) = tx.get_both((&CHATS, chat_id.as_str()), (&collection, &id)).await?;
            let admitted = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, chat).await;
            let mut chat = admitted.map_err(|error| error.instead_of_not_found(no_message()))?;
            let mut message = message.ok_or_else(no_message)?.value;
            if message.sender != *caller.user() && !chat.is_admin(caller.user()) {
                return Err(ApiError::forbidden("Only its sender and the chat's admins delete a message."));
            }
            if message.deleted_at.is_some() {
                return Ok(());
            }
            let key = app.vault.key(&caller.store, &chat_subject(&chat_id, chat.patient_id.as_ref())).await?;
            let places = Places::of(caller.tenant(), &chat_id);
            if let Some(version) = replaced(&key, &places, &message_id, &message, &change, None)? {
                message.edits += 1;
                tx.put(&versions(&message_id), &sequence_id(message.edits.into()), &version)?;
            }
            message.content = None;
            message.words.clear();
            message.deleted_at = Some(change.at());
            tx.put(&collection, &id, &message)?;
            if let Some(last) = chat.last_message.as_mut().filter(|last| last.seq == seq) {
                last.preview = None;
            }
            change.append(&tx, chat, Happening::MessageDeleted { seq })?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{Team, each, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        it_stays_without_what_it_said, its_history_is_for_few, others_may_not,
    }

    async fn it_stays_without_what_it_said(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let id = say(&app, &bob, &chat, "aspirin").await;
        for _ in 0..2 {
            app.delete(&format!("/api/v1/messages/{id}")).by(&bob).expect(204).await;
        }
        let shown = get(&app, &ann, &format!("/api/v1/messages/{id}")).await;
        assert_eq!((&shown["content"], &shown["deletedAt"]), (&Value::Null, &json!("2026-01-15T10:00:00.000Z")));
        let row = listed(&app, &ann, &chat).await;
        assert_eq!((&row["lastMessage"], &row["lastMessageTime"]), (&Value::Null, &json!("2026-01-15T10:00:00.000Z")));
        let found = get(&app, &ann, &format!("/api/v1/chats/{chat}/search?q=aspirin")).await;
        assert_eq!(found["data"], json!([]));
        assert_eq!(get(&app, &ann, &format!("/api/v1/chats/{chat}/messages")).await["pagination"]["total"], 1);
    }

    async fn its_history_is_for_few(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let id = say(&app, &bob, &chat, "one").await;
        app.put(&format!("/api/v1/messages/{id}")).by(&bob).json(&json!({"content": "two"})).expect(200).await;
        app.delete(&format!("/api/v1/messages/{id}")).by(&ann).expect(204).await;
        let path = format!("/api/v1/messages/{id}/history");
        for by in [&ann, &bob] {
            assert_eq!(each(&get(&app, by, &path).await["data"], "content"), ["one", "two"]);
        }
        app.get(&path).by(&cy).refused(404, "NOT_FOUND").await;
        let second = get(&app, &ann, &format!("{path}?limit=1&page=2")).await;
        assert_eq!(
            (each(&second["data"], "content"), &second["pagination"]["total"]),
            (vec!["two".to_owned()], &json!(2))
        );
        let first = get(&app, &ann, &format!("{path}?limit=1")).await;
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
        assert_eq!(
            each(&get(&app, &ann, &format!("{path}?limit=1&cursor={cursor}")).await["data"], "content"),
            ["two"]
        );
    }

    async fn others_may_not(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let eve = app.user(Role::Admin, "Eve").await;
        let id = say(&app, &ann, &chat, "one").await;
        for (by, status, code) in [(&bob, 403, "FORBIDDEN"), (&cy, 403, "FORBIDDEN"), (&eve, 404, "NOT_FOUND")] {
            app.delete(&format!("/api/v1/messages/{id}")).by(by).refused(status, code).await;
        }
        app.delete("/api/v1/messages/nonsense").by(&ann).refused(404, "NOT_FOUND").await;
    }
}
