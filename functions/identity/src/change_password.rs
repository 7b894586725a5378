use access::password::check_new;
use accounts::{Counter, Proof, prove};
use axum::extract::State;
use events::Emit;
use garde::Validate;
use kernel::Phi;
use model::event::PasswordChanged;
use model::session::EndReason;
use model::user::USERS;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::accounts::{AccountKey, find_own, or_closed};
use crate::reset_password::set_password;
use crate::sessions::{self, Which};
use crate::wire::{SUCCEEDED, Succeeded};

/// The password that is, and the one to be.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangePasswordBody {
    /// The password of now.
    #[garde(length(bytes, max = 1000))]
    #[schema(example = "securePassword123")]
    current_password: String,
    /// 8 to 128 characters; not one that everybody tries first, nor the name or address, nor the one of now.
    #[garde(skip)]
    #[schema(example = "magpie-over-water", min_length = 8, max_length = 128)]
    new_password: String,
}

/// Change my password
///
/// All other sessions of the account end; this one goes on. A wrong `currentPassword` is counted: after five in 15 minutes
/// the answer is 429 for a while.
#[utoipa::path(
    post, path = "/api/v1/auth/change-password", tag = "auth", security(("bearer" = [])),
    request_body = ChangePasswordBody,
    responses((status = 200, body = Succeeded, description = "Changed"), Problems),
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<ChangePasswordBody>,
) -> Result<Json<Succeeded>, ApiError> {
    let seen = find_own(&caller).await?;
    let is_same = body.current_password == body.new_password;
    let current = Phi::new(body.current_password);
    let password = Some(("currentPassword", current));
    prove(&app, &caller, &seen, Proof { action: "auth.password-changed", password, code: None }).await?;
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let (name, email) = (key.open("name", &seen.name)?, key.open("email", &seen.email)?);
    let new = Phi::new(body.new_password);
    check_new(&new, &[name.disclose(), email.disclose()])
        .map_err(|weak| ApiError::field("newPassword", format!("newPassword: {weak}")))?;
    if is_same {
        return Err(ApiError::field("newPassword", "newPassword: this is the password of now; choose another one"));
    }
    let hash = app.passwords.hash(new).await.map_err(ApiError::internal)?;
    let keep = Some(caller.session().clone());
    let changed = app.occurs(PasswordChanged { user_id: caller.user().clone(), keep });
    let id = caller.user().as_str();
    caller.trail.action("auth.password-changed").entity("user", id);
    caller
        .store
        .transact("change-password", async |tx| {
            Counter::of_user(caller.user()).must_be_open(&tx, app.now()).await?;
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            if user.password_hash != seen.password_hash {
                return Err(
                    ApiError::forbidden("The password was changed meanwhile.").detail("field", "currentPassword")
                );
            }
            set_password(&app, &mut user, &hash);
            tx.put(&USERS, id, &user)?;
            tx.emit(&changed)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    let others = Which::AllBut(caller.session().clone());
    sessions::end_all(&app, &caller.store, caller.user(), others, EndReason::PasswordChanged).await?;
    Ok(Json(SUCCEEDED))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest};

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        the_new_password_counts_and_other_sessions_end, guessing_the_old_one_locks, what_is_wrong_is_named,
    }

    const NEW: &str = "heron-under-bridge";

    fn change(app: &TestApp, tokens: &Value, current: &str, new: &str) -> TestRequest {
        let body = json!({"currentPassword": current, "newPassword": new});
        testing::request_as(app, tokens, Method::POST, "/api/v1/auth/change-password").json(&body)
    }

    async fn the_new_password_counts_and_other_sessions_end(app: TestApp) {
        let here = testing::register(&app, "ann@example.com", Role::Patient).await;
        let there = testing::login(&app, "ann@example.com").await;
        assert_eq!(change(&app, &here, PASSWORD, NEW).expect(200).await, json!({"success": true}));
        testing::get_as(&app, &here, "/api/v1/users/me").expect(200).await;
        testing::get_as(&app, &there, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
        assert_eq!(testing::ended_sessions(&app).await, [testing::session_id(&app, &there)]);
        let with = |password: &str| json!({"email": "ann@example.com", "password": password});
        app.post("/api/v1/auth/login").json(&with(PASSWORD)).refused(401, "UNAUTHORIZED").await;
        app.post("/api/v1/auth/login").json(&with(NEW)).expect(200).await;
        assert_eq!(app.sent().await.last().unwrap().kind, "password-changed", "the user is told");
        assert_eq!(testing::audit(&app, "auth.password-changed").await.len(), 1);
    }

    async fn guessing_the_old_one_locks(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        for _ in 0..5 {
            assert_eq!(change(&app, &ann, "not this one", NEW).refused(403, "FORBIDDEN").await, "currentPassword");
        }
        change(&app, &ann, PASSWORD, NEW).refused(429, "RATE_LIMITED").await;
        app.clock.advance(std::time::Duration::from_secs(30));
        change(&app, &ann, PASSWORD, NEW).expect(200).await;
        let refusals: Vec<Option<String>> =
            testing::audit(&app, "auth.password-changed").await.into_iter().map(|entry| entry.refusal).collect();
        assert_eq!(refusals.iter().filter(|reason| reason.as_deref() == Some("wrong-password")).count(), 5);
        assert_eq!(testing::audit(&app, "auth.locked").await.len(), 1);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        for weak in ["short", "password123", "ann@example.com", PASSWORD] {
            assert_eq!(change(&app, &ann, PASSWORD, weak).refused(400, "VALIDATION_ERROR").await, "newPassword");
        }
        app.post("/api/v1/auth/change-password").json(&json!({})).refused(401, "UNAUTHORIZED").await;
    }
}
