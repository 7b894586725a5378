use axum::extract::State;
use charts::Asking;
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
    caller.trail.action("membership.update").entity("chat", chat_id);
    caller.must_see_phi()?;
    let open = open(&Asking::of(app, caller), chat_id).await?;
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

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{Team, listed};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_pin_turns_over, what_is_left_out_stays, only_members_have_one,
    }

    async fn a_pin_turns_over(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let pin = || app.post(&format!("/api/v1/chats/{chat}/pin")).by(&bob);
        assert_eq!(pin().expect(200).await["isPinned"], true);
        assert_eq!(listed(&app, &bob, &chat).await["isPinned"], true);
        assert_eq!(pin().expect(200).await["isPinned"], false);
        for _ in 0..2 {
            assert_eq!(pin().json(&json!({"pinned": true})).expect(200).await["isPinned"], true);
        }
        assert_eq!(pin().json(&json!({})).expect(200).await["isPinned"], false);
        assert_eq!(pin().json(&json!(null)).expect(200).await["isPinned"], true);
        assert_eq!(pin().json(&json!({"pinned": 1})).refused(400, "VALIDATION_ERROR").await, "pinned");
        pin().text("text/plain", "{}".to_owned()).refused(415, "INVALID_REQUEST").await;
        assert_eq!(listed(&app, &ann, &chat).await["isPinned"], false);
    }

    async fn what_is_left_out_stays(app: TestApp) {
        let Team { bob, chat, .. } = Team::of(&app).await;
        let put = |body| app.put(&format!("/api/v1/chats/{chat}/membership")).by(&bob).json(&body);
        let changed = put(json!({"muted": true, "pinned": true})).expect(200).await;
        let flags = |chat: &serde_json::Value| json!([chat["isMuted"], chat["isPinned"], chat["isArchived"]]);
        assert_eq!(flags(&changed), json!([true, true, false]));
        assert_eq!(
            flags(&put(json!({"archived": true, "pinned": false})).expect(200).await),
            json!([true, false, true])
        );
        assert_eq!(flags(&put(json!({})).expect(200).await), json!([true, false, true]));
        assert_eq!(put(json!({"deleted": true})).refused(400, "VALIDATION_ERROR").await, "deleted");
    }

    async fn only_members_have_one(app: TestApp) {
        let Team { chat, .. } = Team::of(&app).await;
        let eve = app.user(Role::Nurse, "Eve").await;
        app.post(&format!("/api/v1/chats/{chat}/pin")).by(&eve).refused(404, "NOT_FOUND").await;
        let put = app.put(&format!("/api/v1/chats/{chat}/membership")).by(&eve).json(&json!({"muted": true}));
        put.refused(404, "NOT_FOUND").await;
    }
}
