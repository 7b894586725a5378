use axum::extract::State;
use conversations::{Change, Places, chat_subject, for_member, turn};
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
    caller.must_see_phi()?;
    let (chat_id, seq) = parse_message_id(&message_id).ok_or_else(no_message)?;
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    caller
        .store
        .transact("delete-message", async |tx| {
            let (collection, id) = (messages(&chat_id), sequence_id(seq));
            let (chat, message) = tx.get_both((&CHATS, chat_id.as_str()), (&collection, &id)).await?;
            let mut chat = for_member(chat, caller.user()).map_err(|_| no_message())?;
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
