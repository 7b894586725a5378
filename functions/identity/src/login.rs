use accounts::verify_password;
use axum::extract::State;
use garde::Validate;
use kernel::Phi;
use model::user::EMAIL_INDEX;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Json, Problems, SignInTenant};

use crate::accounts::find_by_index;
use crate::cookie::RefreshCookie;
use crate::rules;
use crate::sign_in::{Attempt, First, SignedIn, wrong};

/// Who signs in.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The address of the account.
    #[garde(skip)]
    #[schema(example = "john@example.com")]
    email: String,
    /// Its password.
    #[garde(length(bytes, max = 1000))]
    #[schema(example = "securePassword123")]
    password: String,
    /// A code of the second factor, or a backup code, where the account has one; else it is left aside.
    #[serde(default)]
    #[garde(inner(length(bytes, max = 64)))]
    #[schema(example = "123456")]
    mfa_code: Option<String>,
}

/// Sign in
///
/// Begins a session. A wrong password, an unknown address and a closed account have the same answer.
///
/// An account with a second factor wants `mfaCode`: without it the answer is 401 with `details.mfaRequired`, once the
/// password is right. After five failures in 15 minutes attempts from new addresses are refused with 429 for 30 seconds, then
/// for longer, up to 15 minutes; `Retry-After` says how long. From where someone has signed in to the account before, the
/// right password is taken, until five have failed from there.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = LoginBody,
    responses((status = 200, body = SignedIn, description = "Signed in"), Problems),
)]
pub(crate) async fn login(
    State(app): State<App>,
    tenant: SignInTenant,
    client: ClientInfo,
    Json(body): Json<LoginBody>,
) -> Result<(RefreshCookie, Json<SignedIn>), ApiError> {
    let email = rules::email(&body.email)?;
    let password = Phi::new(body.password);
    let blind = app.vault.blind_index(&tenant.store).await?;
    let index = blind.exact(EMAIL_INDEX, email.disclose());
    let mut attempt = Attempt::new(&app, &tenant, &client, (&blind, &index), "auth.login");
    let found = find_by_index(&tenant.store, &index).await?;
    attempt.must_be_heard(found.as_ref()).await?;
    let verified = verify_password(&app, found.as_ref().map(|(_, user)| user), &password).await?;
    let found = match found {
        Some(found) if verified.ok && found.1.may_sign_in() => found,
        Some(found) => return Err(attempt.failed(Some(&found), "wrong-password", wrong()).await),
        None => return Err(attempt.failed(None, "no-such-account", wrong()).await),
    };
    let upgraded = match verified.needs_upgrade {
        true => Some(app.passwords.hash(password).await.map_err(ApiError::internal)?),
        false => None,
    };
    attempt.finish(found, First::Password { upgraded }, body.mfa_code.as_deref()).await
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::user::{USERS, User};
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::TestApp;

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        signing_in_answers_as_the_api_says, outsiders_cannot_tell_accounts_apart, a_closed_account_has_the_same_answer,
        an_old_hash_is_made_anew, an_account_without_a_password_has_the_same_answer, what_is_wrong_is_named,
        signing_in_has_a_budget,
    }

    /// [`PASSWORD`] by bcrypt, as an older system would have it.
    const BCRYPT: &str = "$2b$04$FgbbRJAB9081PV6HVB75EO2wkP.sfHzOouIMZt1PlrvNt5bx/EXwC";

    async fn change(app: &TestApp, id: &Value, change: impl Fn(&mut User)) {
        let id = id.as_str().unwrap();
        app.store
            .transact("test", async |tx| {
                let mut user = tx.get(&USERS, id).await?.unwrap().value;
                change(&mut user);
                tx.put(&USERS, id, &user)
            })
            .await
            .unwrap();
    }

    async fn signing_in_answers_as_the_api_says(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let body = json!({"email": "ANN@example.com", "password": PASSWORD, "mfaCode": "123456"});
        let response = app.post("/api/v1/auth/login").header("user-agent", "Firefox").json(&body).send().await;
        assert_eq!(response.status, 200, "{}", response.body);
        let cookie = response.headers["set-cookie"].to_str().unwrap().to_owned();
        let answer = response.body;
        let value = format!("refresh_token={};", answer["refreshToken"].as_str().unwrap());
        assert!(cookie.starts_with(&value) && cookie.contains("; HttpOnly; SameSite=Strict;"), "{cookie}");
        assert_eq!(answer["success"], true);
        assert_eq!(answer["user"], made["data"]);
        assert_ne!(answer["refreshToken"], made["refreshToken"]);
        testing::get_as(&app, &answer, "/api/v1/users/me").expect(200).await;
        let user = app.store.get(&USERS, made["data"]["id"].as_str().unwrap()).await.unwrap().unwrap().value;
        assert_eq!(user.last_login_at, Some(app.app.now()));
    }

    async fn outsiders_cannot_tell_accounts_apart(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let attempt = async |email: &str| {
            let before = (app.store.meter().counts(), app.app.passwords.work_done());
            let body = json!({"email": email, "password": "not this one"});
            let answer = app.post("/api/v1/auth/login").json(&body).send().await;
            assert!(!answer.headers.contains_key("set-cookie"));
            let checks = app.app.passwords.work_done() - before.1;
            (answer.status.as_u16(), answer.body, app.store.meter().counts() - before.0, checks)
        };
        let wrong_password = attempt("ann@example.com").await;
        let unknown = attempt("nobody@example.com").await;
        assert_eq!(wrong_password.0, 401);
        assert_eq!(wrong_password.1["error"]["code"], "UNAUTHORIZED");
        assert_eq!(wrong_password, unknown, "the same status, body, reads, writes and password checks");
    }

    async fn a_closed_account_has_the_same_answer(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let wrong = json!({"email": "ann@example.com", "password": "not this one"});
        let wrong = app.post("/api/v1/auth/login").json(&wrong).expect(401).await;
        change(&app, &made["data"]["id"], |user| user.active = false).await;
        let right = json!({"email": "ann@example.com", "password": PASSWORD});
        assert_eq!(app.post("/api/v1/auth/login").json(&right).expect(401).await, wrong);
        testing::get_as(&app, &made, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
    }

    async fn an_old_hash_is_made_anew(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = &made["data"]["id"];
        change(&app, id, |user| user.password_hash = BCRYPT.to_owned()).await;
        let hash = async || app.store.get(&USERS, id.as_str().unwrap()).await.unwrap().unwrap().value.password_hash;
        let wrong = json!({"email": "ann@example.com", "password": "magpie-over-wather"});
        app.post("/api/v1/auth/login").json(&wrong).expect(401).await;
        assert_eq!(hash().await, BCRYPT);
        let right = json!({"email": "ann@example.com", "password": PASSWORD});
        app.post("/api/v1/auth/login").json(&right).expect(200).await;
        let upgraded = hash().await;
        assert!(upgraded.starts_with("$argon2id$"), "{upgraded}");
        app.post("/api/v1/auth/login").json(&right).expect(200).await;
        assert_eq!(hash().await, upgraded, "a hash of today stays");
    }

    async fn an_account_without_a_password_has_the_same_answer(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        change(&app, &made["data"]["id"], |user| user.password_hash = "none".to_owned()).await;
        for password in ["none", "", PASSWORD] {
            let body = json!({"email": "ann@example.com", "password": password});
            app.post("/api/v1/auth/login").json(&body).refused(401, "UNAUTHORIZED").await;
        }
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let field =
            async |body: Value| app.post("/api/v1/auth/login").json(&body).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field(json!({"email": "ann", "password": "x"})).await, "email");
        assert_eq!(field(json!({"email": "ann@example.com"})).await, "password");
        assert_eq!(field(json!({"email": "ann@example.com", "password": 1})).await, "password");
        assert_eq!(field(json!({"email": "ann@example.com", "password": "x".repeat(1001)})).await, "password");
        assert_eq!(field(json!({"email": "ann@example.com", "password": "x", "mfaCode": 1})).await, "mfaCode");
        assert_eq!(field(json!({"email": "ann@example.com", "password": "x", "otp": "1"})).await, "otp");
    }

    async fn signing_in_has_a_budget(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let before = app.store.meter().counts();
        testing::login(&app, "ann@example.com").await;
        let spent = app.store.meter().counts() - before;
        assert_eq!(spent, Counts { gets: 4, commits: 1, documents_read: 5, documents_written: 3, ..Counts::default() });
    }
}
