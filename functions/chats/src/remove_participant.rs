use axum::extract::State;
use charts::Asking;
use conversations::{Change, admit_in, turn};
use http::StatusCode;
use kernel::{ChatId, UserId};
use model::chat::{CHATS, ChatType, Happening};
use model::membership::{MEMBERSHIPS, membership_id};
use web::{ApiError, App, Caller, Path, Problems};

use crate::care::settle;
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
    caller.trail.action("participant.remove").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let membership = membership_id(&chat_id, &user_id);
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    caller
        .store
        .transact("remove-participant", async |tx| {
            let (chat, own) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &membership)).await?;
            let mut chat = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, chat).await?;
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
            settle(&tx, &chat_id, &chat, change.at()).await?;
            change.append(&tx, chat, Happening::MemberRemoved { user: user_id.clone() })?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{Team, create, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        who_is_out_sees_nothing_at_once, the_last_admin_hands_on, others_may_not_remove, a_direct_chat_is_not_left,
        what_they_said_stays_theirs,
    }

    fn remove(app: &TestApp, by: &TestUser, chat: &str, user: &TestUser) -> testkit::TestRequest {
        app.delete(&format!("/api/v1/chats/{chat}/participants/{}", user.id)).by(by)
    }

    async fn who_is_out_sees_nothing_at_once(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let message = say(&app, &bob, &chat, "mine").await;
        remove(&app, &ann, &chat, &bob).expect(204).await;
        for path in [
            format!("/api/v1/chats/{chat}"),
            format!("/api/v1/chats/{chat}/messages"),
            format!("/api/v1/chats/{chat}/search?q=mine"),
            format!("/api/v1/messages/{message}"),
            format!("/api/v1/messages/{message}/history"),
            format!("/api/v1/messages/{message}/receipts"),
        ] {
            app.get(&path).by(&bob).refused(404, "NOT_FOUND").await;
        }
        let body = json!({"content": "again"});
        app.post(&format!("/api/v1/chats/{chat}/messages")).by(&bob).json(&body).refused(404, "NOT_FOUND").await;
        app.put(&format!("/api/v1/messages/{message}")).by(&bob).json(&body).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/messages/{message}/read")).by(&bob).refused(404, "NOT_FOUND").await;
        assert_eq!(listed(&app, &bob, &chat).await, Value::Null);
        remove(&app, &ann, &chat, &bob).refused(404, "NOT_FOUND").await;
    }

    async fn the_last_admin_hands_on(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        remove(&app, &ann, &chat, &bob).expect(204).await;
        app.clock.advance(Duration::from_secs(1));
        let body = json!({"userId": bob.id});
        app.post(&format!("/api/v1/chats/{chat}/participants")).by(&ann).json(&body).expect(201).await;
        remove(&app, &ann, &chat, &ann).expect(204).await;
        assert_eq!(listed(&app, &cy, &chat).await["isAdmin"], true);
        assert_eq!(listed(&app, &bob, &chat).await["isAdmin"], false);
        remove(&app, &cy, &chat, &cy).expect(204).await;
        remove(&app, &bob, &chat, &bob).expect(204).await;
        assert_eq!(listed(&app, &bob, &chat).await, Value::Null);
    }

    async fn others_may_not_remove(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let eve = app.user(Role::Admin, "Eve").await;
        remove(&app, &bob, &chat, &cy).refused(403, "FORBIDDEN").await;
        remove(&app, &eve, &chat, &cy).refused(404, "NOT_FOUND").await;
        remove(&app, &ann, &chat, &eve).refused(404, "NOT_FOUND").await;
        remove(&app, &bob, &chat, &bob).expect(204).await;
    }

    async fn a_direct_chat_is_not_left(app: TestApp) {
        let Team { ann, bob, .. } = Team::of(&app).await;
        let chat = create(&app, &ann, "Direct", &[&bob]).await;
        assert_eq!(remove(&app, &bob, &chat, &bob).refused(400, "VALIDATION_ERROR").await, "chatId");
    }

    async fn what_they_said_stays_theirs(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let message = say(&app, &bob, &chat, "mine").await;
        remove(&app, &ann, &chat, &bob).expect(204).await;
        assert_eq!(get(&app, &ann, &format!("/api/v1/messages/{message}")).await["sender"]["name"], "Bob");
    }
}
