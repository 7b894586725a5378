use axum::extract::State;
use garde::Validate;
use kernel::{Email, Phi, UserId};
use model::user::{EMAIL_INDEX, EMAIL_OWNERS, USERS, User};
use serde::{Deserialize, Serialize};
use store::Store;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Json, Problems, SignInTenant};

use crate::accounts::{AccountKey, verify};
use crate::cookie::RefreshCookie;
use crate::rules;
use crate::sessions::Beginning;
use crate::wire::AccountSummary;

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
    /// A code of the second factor. No account has a second factor yet, so it is taken and left aside.
    #[serde(default)]
    #[garde(inner(length(bytes, max = 64)))]
    #[schema(example = "123456")]
    mfa_code: Option<String>,
}

/// A session that began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedIn {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The access token: send it as `Authorization: Bearer <token>`. It holds for 15 minutes.
    #[schema(example = "eyJhbGciOiJFUzI1NiIs...")]
    token: String,
    /// The refresh token, good for one POST /api/v1/auth/refresh. Browsers also get it as a cookie.
    #[schema(example = "clinic.0b1c...")]
    refresh_token: String,
    /// Who signed in.
    user: AccountSummary,
}

/// Sign in
///
/// Begins a session. A wrong password, an unknown address and a closed account have the same answer.
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
    let (user_id, found) = find_by_email(&app, &tenant.store, &email).await?.unzip();
    let verified = verify(&app, found.as_ref(), &password).await?;
    let (Some(user_id), Some(found), true) = (user_id, found, verified.ok) else { return Err(wrong()) };
    let upgraded = match verified.needs_upgrade {
        true => Some(app.passwords.hash(password).await.map_err(ApiError::internal)?),
        false => None,
    };
    let session = Beginning::new(&app, &tenant.id, user_id.clone(), client);
    let user = tenant
        .store
        .transact("sign-in", async |tx| {
            // The account may have been closed or got another password while this one was checked.
            let current = tx.get(&USERS, user_id.as_str()).await?.map(|doc| doc.value);
            let mut user = current
                .filter(|user| user.may_sign_in() && user.password_hash == found.password_hash)
                .ok_or_else(wrong)?;
            user.last_login_at = Some(app.now());
            user.password_hash = upgraded.clone().unwrap_or(user.password_hash);
            tx.put(&USERS, user_id.as_str(), &user)?;
            session.save(&tx)?;
            Ok::<_, ApiError>(user)
        })
        .await?;
    let tokens = session.tokens(&app, user.role, user.verified)?;
    let summary = AccountSummary::open(&AccountKey::of(&app, &tenant.store, &user_id).await?, &user)?;
    let cookie = RefreshCookie::with(&app, &tokens.refresh)?;
    let refresh_token = tokens.refresh.to_string();
    Ok((cookie, Json(SignedIn { success: true, token: tokens.access, refresh_token, user: summary })))
}

fn wrong() -> ApiError {
    ApiError::unauthorized("There is no account with this e-mail address and password.")
}

/// The account of an address. Reads as much where there is none.
async fn find_by_email(app: &App, store: &Store, email: &Email) -> Result<Option<(UserId, User)>, ApiError> {
    let index = app.vault.blind_index(store).await?.exact(EMAIL_INDEX, email.disclose());
    let owner = store.get(&EMAIL_OWNERS, &index).await?.map(|doc| doc.value.user_id);
    let id = owner.as_ref().map_or(index.as_str(), UserId::as_str);
    let user = store.get(&USERS, id).await?;
    Ok(owner.zip(user.map(|doc| doc.value)))
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
            let before = app.store.meter().counts();
            let body = json!({"email": email, "password": "not this one"});
            let answer = app.post("/api/v1/auth/login").json(&body).send().await;
            assert!(!answer.headers.contains_key("set-cookie"));
            (answer.status.as_u16(), answer.body, app.store.meter().counts() - before)
        };
        let wrong_password = attempt("ann@example.com").await;
        let unknown = attempt("nobody@example.com").await;
        assert_eq!(wrong_password.0, 401);
        assert_eq!(wrong_password.1["error"]["code"], "UNAUTHORIZED");
        assert_eq!(wrong_password, unknown, "the same status, body and reads");
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
        assert_eq!(spent, Counts { gets: 3, commits: 1, documents_read: 3, documents_written: 2, ..Counts::default() });
    }
}
