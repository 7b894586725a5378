use access::password::check_new;
use accounts::{Counter, Presented};
use axum::extract::State;
use events::{Delivery, Emit, Failure};
use garde::Validate;
use kernel::{Phi, UserId};
use model::event::PasswordChanged;
use model::one_time::{OneTimeToken, TokenKind};
use model::session::EndReason;
use model::user::{EMAIL_INDEX, USERS, User};
use serde::Deserialize;
use store::Store;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Job, Json, Problems, Record};

use crate::accounts::AccountKey;
use crate::mail;
use crate::sessions::{self, Which};
use crate::sign_in::remember_client;
use crate::wire::{SUCCEEDED, Succeeded};

/// A token, and the password to be.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResetPasswordBody {
    /// As the e-mail has it: that of a forgotten password, good for 30 minutes, or that of an invitation, for 7 days.
    #[garde(length(bytes, max = 400))]
    #[schema(example = "clinic.Zm9v...")]
    token: String,
    /// 8 to 128 characters; not one that everybody tries first, nor the name or address.
    #[garde(skip)]
    #[schema(example = "securePassword123", min_length = 8, max_length = 128)]
    new_password: String,
}

const KINDS: &[TokenKind] = &[TokenKind::ResetPassword, TokenKind::Invitation];

/// Set a new password
///
/// Uses up the token of an e-mail: that of POST /api/v1/auth/forgot-password, or of an invitation. All sessions of the
/// account end, and so does a lock after failed attempts; the e-mail address counts as verified.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password", tag = "auth",
    request_body = ResetPasswordBody,
    responses((status = 200, body = Succeeded, description = "Set; sign in with it"), Problems),
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    client: ClientInfo,
    Json(body): Json<ResetPasswordBody>,
) -> Result<Json<Succeeded>, ApiError> {
    let presented = Presented::parse(&body.token).ok_or_else(not_good)?;
    let store = app.tenants.open(presented.tenant()).await?.ok_or_else(not_good)?;
    let token = presented.look(&app, &store, KINDS).await?.ok_or_else(not_good)?;
    let id = &token.user_id;
    let user = find_for(&store, &token).await?.ok_or_else(not_good)?;
    let key = AccountKey::of(&app, &store, id).await?;
    let email = key.open("email", &user.email)?;
    let password = Phi::new(body.new_password);
    check_new(&password, &[key.open("name", &user.name)?.disclose(), email.disclose()])
        .map_err(|weak| ApiError::field("newPassword", format!("newPassword: {weak}")))?;
    let hash = app.passwords.hash(password).await.map_err(ApiError::internal)?;
    let blind = app.vault.blind_index(&store).await?;
    let attempts = [Counter::of_identifier(&blind.exact(EMAIL_INDEX, email.disclose())), Counter::of_user(id)];
    let changed = app.occurs(PasswordChanged { user_id: id.clone(), keep: None });
    let entry = app.entry("auth.password-reset", &client).of(id, user.role);
    store
        .transact("reset-password", async |tx| {
            let token = presented.take(&app, &tx, KINDS).await?.ok_or_else(not_good)?;
            let current = tx.get(&USERS, id.as_str()).await?.map(|doc| doc.value);
            let mut user = current.filter(|user| is_good_for(&token, user)).ok_or_else(not_good)?;
            set_password(&app, &mut user, &hash);
            user.sign_in.email_verified_at.get_or_insert(app.now());
            remember_client(&mut user, &blind, &client);
            tx.put(&USERS, id.as_str(), &user)?;
            attempts.iter().for_each(|counter| counter.clear(&tx));
            tx.emit(&changed)?;
            tx.record(&entry)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    sessions::end_all(&app, &store, id, Which::All, EndReason::PasswordChanged).await?;
    Ok(Json(SUCCEEDED))
}

fn not_good() -> ApiError {
    ApiError::field("token", "token: it was used, is too old or is none. Ask for a new e-mail.")
}

async fn find_for(store: &Store, token: &OneTimeToken) -> Result<Option<User>, store::Error> {
    let found = store.get(&USERS, token.user_id.as_str()).await?.map(|doc| doc.value);
    Ok(found.filter(|user| is_good_for(token, user)))
}

/// A password that was set after a token was made makes it void.
fn is_good_for(token: &OneTimeToken, user: &User) -> bool {
    user.may_sign_in_here() && user.sign_in.password_changed_at.is_none_or(|changed| changed <= token.created_at)
}

/// Gives an account another password.
pub(crate) fn set_password(app: &App, user: &mut User, hash: &str) {
    hash.clone_into(&mut user.password_hash);
    user.sign_in.password_changed_at = Some(app.now());
    user.updated_at = app.now();
}

/// Ends the sessions from before a new password, should the request have been cut short, and tells the user.
pub(crate) async fn after_password_change(job: Job, delivery: Delivery<PasswordChanged>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let PasswordChanged { user_id, keep } = &delivery.event;
    let which = Which::BegunBefore(delivery.occurred_at, keep.clone());
    sessions::end_all(&app, &store, user_id, which, EndReason::PasswordChanged).await?;
    tell(&app, &store, user_id, &delivery).await
}

async fn tell(app: &App, store: &Store, id: &UserId, delivery: &Delivery<PasswordChanged>) -> Result<(), Failure> {
    let Some(user) = store.get(&USERS, id.as_str()).await?.map(|doc| doc.value) else { return Ok(()) };
    let key = AccountKey::of(app, store, id).await?;
    let letter = mail::password_changed(key.open("email", &user.email)?);
    let posted = letter.seal(app, &store.database().tenant, id, key.subject_key());
    let written = store.transact("tell-password-changed", async |tx| {
        delivery.mark(&tx, app.now())?;
        posted.save(&tx)
    });
    Ok(written.await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use accounts::OneTime;
    use kernel::Role;
    use serde_json::json;
    use testkit::{Fault, TestApp, TestRequest};

    use super::*;
    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        the_new_password_counts_and_all_sessions_end, a_token_is_good_once_and_not_for_long, a_newer_password_voids_tokens,
        what_is_wrong_is_named_and_uses_nothing_up, an_invitation_sets_the_first_password, a_crash_ends_sessions_all_the_same,
    }

    const NEW: &str = "heron-under-bridge";

    fn reset(app: &TestApp, token: &str, password: &str) -> TestRequest {
        app.post("/api/v1/auth/reset-password").json(&json!({"token": token, "newPassword": password}))
    }

    fn login(app: &TestApp, password: &str) -> TestRequest {
        app.post("/api/v1/auth/login").json(&json!({"email": "ann@example.com", "password": password}))
    }

    async fn the_new_password_counts_and_all_sessions_end(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let again = testing::login(&app, "ann@example.com").await;
        let token = testing::reset_token(&app, "ann@example.com").await;
        assert_eq!(reset(&app, &token, NEW).expect(200).await, json!({"success": true}));
        for tokens in [&ann, &again] {
            testing::get_as(&app, tokens, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
            let refresh = app.post("/api/v1/auth/refresh").json(&testing::refresh_body(tokens));
            refresh.refused(401, "UNAUTHORIZED").await;
        }
        assert_eq!(testing::ended_sessions(&app).await.len(), 2);
        login(&app, PASSWORD).refused(401, "UNAUTHORIZED").await;
        let new = login(&app, NEW).expect(200).await;
        app.settle().await;
        let me = testing::get_as(&app, &new, "/api/v1/users/me").expect(200).await;
        assert_eq!(me["emailVerified"], true, "who reads the address's mail has it");
        assert_eq!(app.sent().await.last().unwrap().kind, "password-changed");
        assert_eq!(testing::audit(&app, "auth.password-reset").await.len(), 1);
    }

    async fn a_token_is_good_once_and_not_for_long(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let token = testing::reset_token(&app, "ann@example.com").await;
        let (one, other) = tokio::join!(reset(&app, &token, NEW).send(), reset(&app, &token, "another-new-one").send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", one.body, other.body);
        assert_eq!(reset(&app, &token, NEW).refused(400, "VALIDATION_ERROR").await, "token");
        app.clock.advance(Duration::from_secs(60));
        let token = testing::reset_token(&app, "ann@example.com").await;
        app.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(reset(&app, &token, NEW).refused(400, "VALIDATION_ERROR").await, "token");
    }

    async fn a_newer_password_voids_tokens(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let first = testing::reset_token(&app, "ann@example.com").await;
        app.clock.advance(Duration::from_secs(60));
        let second = testing::reset_token(&app, "ann@example.com").await;
        app.clock.advance(Duration::from_secs(1));
        reset(&app, &second, NEW).expect(200).await;
        assert_eq!(reset(&app, &first, "another-new-one").refused(400, "VALIDATION_ERROR").await, "token");
        login(&app, NEW).expect(200).await;
    }

    async fn what_is_wrong_is_named_and_uses_nothing_up(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let token = testing::reset_token(&app, "ann@example.com").await;
        for weak in ["short", "password123", "ann@example.com", &"x1".repeat(65)] {
            assert_eq!(reset(&app, &token, weak).refused(400, "VALIDATION_ERROR").await, "newPassword");
        }
        for text in ["", "x", &format!("nowhere.{}", "A".repeat(43)), &format!("{}.{}", app.tenant, "A".repeat(43))] {
            assert_eq!(reset(&app, text, NEW).refused(400, "VALIDATION_ERROR").await, "token");
        }
        login(&app, PASSWORD).expect(200).await;
        reset(&app, &token, NEW).expect(200).await;
    }

    async fn an_invitation_sets_the_first_password(app: TestApp) {
        let ann = app.user(Role::Nurse, "Ann").await;
        let token = OneTime::new(&app.app, &app.tenant, &ann.id, TokenKind::Invitation);
        app.store.transact("test", async |tx| token.save(&tx)).await.unwrap();
        app.clock.advance(Duration::from_secs(6 * 24 * 3600));
        reset(&app, token.text(), NEW).expect(200).await;
        let user = app.store.get(&USERS, ann.id.as_str()).await.unwrap().unwrap().value;
        assert!(user.sign_in.email_verified_at.is_some() && user.password_hash.starts_with("$argon2id$"));
    }

    async fn a_crash_ends_sessions_all_the_same(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let token = testing::reset_token(&app, "ann@example.com").await;
        app.clock.advance(Duration::from_secs(1));
        // The password's commit is done; the one that ends the sessions is not, be it the request's or the event's.
        app.faults.plan("sessions", 0, Fault::NotCommitted);
        let status = reset(&app, &token, NEW).send().await.status.as_u16();
        assert!(matches!(status, 200 | 503), "{status}");
        let ended = testing::ended_sessions(&app).await;
        assert!(app.faults.are_over());
        assert_eq!(ended, [testing::session_id(&app, &ann)]);
        login(&app, NEW).expect(200).await;
    }
}
