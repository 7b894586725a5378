use axum::extract::State;
use charts::Asking;
use conversations::{Change, admit_in, turn};
use http::StatusCode;
use kernel::ChatId;
use model::chat::{CHATS, Happening};
use web::{ApiError, App, Caller, Path, Problems};

use crate::care::settle;
use crate::wire::must_be_admin;

/// Delete a chat
///
/// For all its members, by one of its admins. Nobody can reach it from then on; its records are kept for as long as
/// the law asks.
#[utoipa::path(
    delete, path = "/api/v1/chats/{chatId}", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(crate) async fn delete_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
) -> Result<StatusCode, ApiError> {
    caller.trail.action("chat.delete").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    caller
        .store
        .transact("delete-chat", async |tx| {
            let found = tx.get(&CHATS, chat_id.as_str()).await?;
            let mut chat = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, found).await?;
            must_be_admin(&chat, caller.user())?;
            chat.deleted_at = Some(change.at());
            settle(&tx, &chat_id, &chat, change.at()).await?;
            change.append(&tx, chat, Happening::ChatDeleted)?;
            Ok::<_, ApiError>(StatusCode::NO_CONTENT)
        })
        .await
}
