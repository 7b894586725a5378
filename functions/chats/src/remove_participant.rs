use axum::extract::State;
use conversations::{Change, for_member, turn};
use http::StatusCode;
use kernel::{ChatId, UserId};
use model::chat::{CHATS, ChatType, Happening};
use model::membership::{MEMBERSHIPS, membership_id};
use web::{ApiError, App, Caller, Path, Problems};

use crate::wire::must_be_admin;

/// Remove a participant, or leave
///
/// Admins remove others; everyone may leave. Where the last admin leaves, the participant who has been in the chat for
/// longest becomes one. Who is out sees nothing of the chat from then on.
#[utoipa::path(
    delete, path = "/api/v1/chats/{chatId}/participants/{userId}", tag = "chats", security(("bearer" = [])),
    params(
        ("chatId" = ChatId, Path, description = "The chat"),
        ("userId" = UserId, Path, description = "Who is to go; the caller's own id to leave"),
    ),
    responses((status = 204, description = "Gone"), Problems),
)]
pub(crate) async fn remove_chat_participant(
    State(app): State<App>,
    caller: Caller,
    Path((chat_id, user_id)): Path<(ChatId, UserId)>,
) -> Result<StatusCode, ApiError> {
    caller.must_see_phi()?;
    let membership = membership_id(&chat_id, &user_id);
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    caller
        .store
        .transact("remove-participant", async |tx| {
            let (chat, own) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &membership)).await?;
            let mut chat = for_member(chat, caller.user())?;
            if user_id != *caller.user() {
                must_be_admin(&chat, caller.user())?;
            }
            if chat.kind == ChatType::Direct {
                return Err(ApiError::field("chatId", "chatId: nobody leaves a Direct chat; archive or delete it"));
            }
            if chat.member(&user_id).is_none() {
                return Err(ApiError::not_found("participant"));
            }
            chat.remove(&user_id, change.at());
            chat.updated_at = change.at();
            if let Some(mut own) = own.map(|doc| doc.value) {
                own.active = false;
                tx.put(&MEMBERSHIPS, &membership, &own)?;
            }
            change.append(&tx, chat, Happening::MemberRemoved { user: user_id.clone() })?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}
