use axum::extract::State;
use conversations::open;
use garde::Validate;
use kernel::ChatId;
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::wire::ChatSummary;

/// What the caller sets for a chat; what is left out stays as it is.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMembershipBody {
    /// No notifications of it.
    muted: Option<bool>,
    /// Out of the usual list.
    archived: Option<bool>,
    /// At the top of the list.
    pinned: Option<bool>,
}

/// Whether to pin; without a body the pin is turned over.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PinChatBody {
    /// Whether the chat is at the top of the caller's list; turned over where it is left out.
    pinned: Option<bool>,
}

/// Pin or unpin a chat
///
/// For the caller alone.
#[utoipa::path(
    post, path = "/api/v1/chats/{chatId}/pin", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    request_body = Option<PinChatBody>,
    responses((status = 200, body = ChatSummary), Problems),
)]
pub(crate) async fn pin_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    body: Option<Json<PinChatBody>>,
) -> Result<Json<ChatSummary>, ApiError> {
    let asked = body.and_then(|Json(body)| body.pinned);
    change_own(&app, &caller, &chat_id, |own| own.pinned = asked.unwrap_or(!own.pinned)).await
}

/// Mute, archive or pin a chat
///
/// For the caller alone.
#[utoipa::path(
    put, path = "/api/v1/chats/{chatId}/membership", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    request_body = UpdateMembershipBody,
    responses((status = 200, body = ChatSummary), Problems),
)]
pub(crate) async fn update_chat_membership(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Json(body): Json<UpdateMembershipBody>,
) -> Result<Json<ChatSummary>, ApiError> {
    let set = |own: &mut Membership| {
        own.muted = body.muted.unwrap_or(own.muted);
        own.archived = body.archived.unwrap_or(own.archived);
        own.pinned = body.pinned.unwrap_or(own.pinned);
    };
    change_own(&app, &caller, &chat_id, set).await
}

/// Changes the caller's membership, and nothing of the chat.
async fn change_own(
    app: &App,
    caller: &Caller,
    chat_id: &ChatId,
    set: impl Fn(&mut Membership) + Send + Sync,
) -> Result<Json<ChatSummary>, ApiError> {
    caller.must_see_phi()?;
    let open = open(app, &caller.store, chat_id, caller.user()).await?;
    let membership = membership_id(chat_id, caller.user());
    let own = caller
        .store
        .transact("update-membership", async |tx| {
            let found = tx.get(&MEMBERSHIPS, &membership).await?.filter(|doc| doc.value.active);
            let mut own = found.ok_or_else(|| ApiError::not_found("chat"))?.value;
            set(&mut own);
            tx.put(&MEMBERSHIPS, &membership, &own)?;
            Ok::<_, ApiError>(own)
        })
        .await?;
    Ok(Json(ChatSummary::of(caller.tenant(), &open, &own)?))
}
