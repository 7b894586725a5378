use accounts::{Counter, Failure, Proof, SharedSecret, backup_codes, prove};
use axum::Extension;
use axum::extract::State;
use garde::Validate;
use kernel::Phi;
use model::sign_in::Mfa;
use model::user::USERS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, NotKept, Problems};

use crate::accounts::{AccountKey, find_own, or_closed};
use crate::mail;

/// What shows that it is the user who switches the second factor on, and that the app has the secret.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerifyMfaBody {
    /// The password: an access token alone locks nobody out.
    #[garde(length(bytes, max = 1000))]
    #[schema(example = "securePassword123")]
    password: String,
    /// Six digits.
    #[garde(length(bytes, max = 64))]
    #[schema(example = "123456")]
    code: String,
}

/// A second factor that counts from now on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MfaEnabled {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// Ten codes for the day the app is lost, each good once. They are shown this once.
    #[schema(example = json!(["k7mqp-2w9xd", "..."]))]
    backup_codes: Vec<String>,
}

/// Shown once: no second request with the same `Idempotency-Key` sees it.
type Answer = (Extension<NotKept>, Json<MfaEnabled>);

/// Confirm the second factor
///
/// Switches it on, once the app shows codes of the secret that POST /api/v1/auth/enable-mfa answered. The user is told by
/// e-mail. Wrong passwords and codes are counted: after five in 15 minutes the answer is 429 for a while.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-mfa", tag = "auth", security(("bearer" = [])),
    request_body = VerifyMfaBody,
    responses((status = 200, body = MfaEnabled, description = "It counts from now on"), Problems),
)]
pub(crate) async fn verify_mfa(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<VerifyMfaBody>,
) -> Result<Answer, ApiError> {
    let seen = find_own(&caller).await?;
    let offered = seen.sign_in.mfa_offered.clone().ok_or_else(nothing_offered)?;
    let password = Some(("password", Phi::new(body.password)));
    prove(&app, &caller, &seen, Proof { action: "auth.mfa-enabled", password, code: None }).await?;
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let secret = SharedSecret::open(key.subject_key(), caller.tenant(), caller.user(), &offered.secret)?;
    let step = check(&app, &caller, &secret, body.code.trim()).await?;
    let blind = app.vault.blind_index(&caller.store).await?;
    let (shown, stored) = backup_codes(app.random.as_ref(), &blind, caller.user());
    let letter = mail::mfa_enabled(key.open("email", &seen.email)?);
    let posted = letter.seal(&app, caller.tenant(), caller.user(), key.subject_key());
    let mfa = Mfa { secret: offered.secret, since: app.now(), last_step: step, backup_codes: stored };
    let id = caller.user().as_str();
    caller.trail.action("auth.mfa-enabled").entity("user", id);
    caller
        .store
        .transact("enable-mfa", async |tx| {
            Counter::of_user(caller.user()).must_be_open(&tx, app.now()).await?;
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            // Another request may have confirmed this one, or asked for another, meanwhile.
            let is_it = user.sign_in.mfa_offered.take().is_some_and(|offer| offer.secret == mfa.secret);
            if !is_it || user.sign_in.mfa.is_some() {
                return Err(nothing_offered());
            }
            user.sign_in.mfa = Some(mfa.clone());
            tx.put(&USERS, id, &user)?;
            posted.save(&tx)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok((Extension(NotKept), Json(MfaEnabled { success: true, backup_codes: shown })))
}

/// Confirm the second factor, at the address that older clients use
///
/// See POST /api/v1/auth/verify-mfa.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/verify", tag = "auth", security(("bearer" = [])),
    request_body = VerifyMfaBody,
    responses((status = 200, body = MfaEnabled, description = "It counts from now on"), Problems),
)]
pub(crate) async fn verify_mfa_alias(
    state: State<App>,
    caller: Caller,
    body: Json<VerifyMfaBody>,
) -> Result<Answer, ApiError> {
    verify_mfa(state, caller, body).await
}

fn nothing_offered() -> ApiError {
    ApiError::new(
        Code::InvalidRequest,
        "No second factor waits to be confirmed. Ask for one: POST /api/v1/auth/enable-mfa.",
    )
}

/// The time step of the code. Wrong ones are counted where wrong passwords are.
async fn check(app: &App, caller: &Caller, secret: &SharedSecret, code: &str) -> Result<u64, ApiError> {
    let store = caller.store.clone().without_companions();
    let counters = [Counter::of_user(caller.user())];
    if let Some(step) = secret.step_of(code, app.now()) {
        return Ok(step);
    }
    let client = caller.trail.client();
    let entry = app.entry("auth.mfa-enabled", client).by(&caller.principal).denied("wrong-code");
    let answer = ApiError::field("code", "code: this is not what the app shows now; check the clock of its device");
    let who = Some((caller.user(), caller.principal.role));
    Err(Failure { counters: &counters, entry, who, answer }.count(app, &store, client).await?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use http::Method;
    use kernel::{Role, UserId};
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest};

    use accounts::Counter;
    use web::Caller;

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        signing_in_takes_the_second_factor, a_code_is_good_once, a_backup_code_is_good_once, wrong_codes_lock,
        what_is_not_offered_is_not_confirmed, a_token_alone_switches_nothing_on, codes_are_shown_once,
        of_many_guesses_at_once_few_are_heard, the_factor_is_asked_for_after_the_password_alone,
    }

    const LOGIN: &str = "/api/v1/auth/login";

    fn login(app: &TestApp, code: Option<&str>) -> TestRequest {
        let mut body = json!({"email": "ann@example.com", "password": PASSWORD});
        if let Some(code) = code {
            body["mfaCode"] = code.into();
        }
        app.post(LOGIN).json(&body)
    }

    async fn signing_in_takes_the_second_factor(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (secret, backup) = testing::enable_mfa(&app, &ann).await;
        assert_eq!(backup.iter().collect::<BTreeSet<_>>().len(), 10);
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["mfaEnabled"], true);
        let refused = login(&app, None).send().await;
        assert_eq!((refused.status.as_u16(), &refused.body["error"]["code"]), (401, &json!("UNAUTHORIZED")));
        assert_eq!(refused.body["error"]["details"], json!({"mfaRequired": true}));
        app.clock.advance(Duration::from_secs(30));
        let signed_in = login(&app, Some(&testing::code(&app, &secret))).expect(200).await;
        testing::get_as(&app, &signed_in, "/api/v1/users/me").expect(200).await;
        let entries = testing::audit(&app, "auth.login").await;
        let mut said: Vec<String> = entries.iter().map(|e| format!("{:?} {:?}", e.refusal, e.because)).collect();
        said.sort();
        assert_eq!(said, [r#"None ["password", "authenticator"]"#, r#"Some("second-factor-missing") []"#]);
        assert_eq!(testing::audit(&app, "auth.mfa-enabled").await.len(), 1);
    }

    async fn a_code_is_good_once(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (secret, _) = testing::enable_mfa(&app, &ann).await;
        let confirmed_with = testing::code(&app, &secret);
        login(&app, Some(&confirmed_with)).refused(401, "UNAUTHORIZED").await;
        app.clock.advance(Duration::from_secs(30));
        let code = testing::code(&app, &secret);
        let (one, other) = tokio::join!(login(&app, Some(&code)).send(), login(&app, Some(&code)).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{} {}", one.body, other.body);
        app.clock.advance(Duration::from_secs(30));
        login(&app, Some(&code)).refused(401, "UNAUTHORIZED").await;
        login(&app, Some(&testing::code(&app, &secret))).expect(200).await;
    }

    async fn a_backup_code_is_good_once(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (_, backup) = testing::enable_mfa(&app, &ann).await;
        login(&app, Some(&backup[3].to_uppercase().replace('-', " "))).expect(200).await;
        login(&app, Some(&backup[3])).refused(401, "UNAUTHORIZED").await;
        login(&app, Some(&backup[4])).expect(200).await;
    }

    async fn wrong_codes_lock(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (secret, backup) = testing::enable_mfa(&app, &ann).await;
        app.clock.advance(Duration::from_secs(30));
        for _ in 0..5 {
            login(&app, Some("000000")).refused(401, "UNAUTHORIZED").await;
        }
        let elsewhere = app.second_instance(vec![crate::function()]).await;
        let locked = login(&elsewhere, Some(&backup[0])).send().await;
        assert_eq!((locked.status.as_u16(), locked.headers["retry-after"].to_str().unwrap()), (429, "30"));
        app.clock.advance(Duration::from_secs(30));
        login(&app, Some(&testing::code(&app, &secret))).expect(200).await;
    }

    async fn what_is_not_offered_is_not_confirmed(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let verify = |path: &str, body: Value| testing::request_as(&app, &ann, Method::POST, path).json(&body);
        let body = |code: &str| json!({"code": code, "password": PASSWORD});
        verify("/api/v1/auth/verify-mfa", body("123456")).refused(400, "INVALID_REQUEST").await;
        testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/enable-mfa").expect(200).await;
        for _ in 0..5 {
            let wrong = verify("/api/v1/auth/mfa/verify", body("abcdef"));
            assert_eq!(wrong.refused(400, "VALIDATION_ERROR").await, "code");
        }
        verify("/api/v1/auth/verify-mfa", body("abcdef")).refused(429, "RATE_LIMITED").await;
        testing::login(&app, "ann@example.com").await;
    }

    async fn a_token_alone_switches_nothing_on(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let offered = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/enable-mfa").expect(200).await;
        let code = testing::code(&app, offered["secret"].as_str().unwrap());
        let verify = |body: Value| {
            let request = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/verify-mfa");
            request.json(&body)
        };
        assert_eq!(verify(json!({"code": code})).refused(400, "VALIDATION_ERROR").await, "password");
        let guessed = verify(json!({"code": code, "password": "not this one"}));
        assert_eq!(guessed.refused(403, "FORBIDDEN").await, "password");
        testing::login(&app, "ann@example.com").await;
        verify(json!({"code": code, "password": PASSWORD})).expect(200).await;
        assert_eq!(app.sent().await.last().unwrap().kind, "second-factor", "the user is told");
    }

    async fn codes_are_shown_once(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let offered = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/enable-mfa").expect(200).await;
        let body = json!({"code": testing::code(&app, offered["secret"].as_str().unwrap()), "password": PASSWORD});
        let confirm = || {
            let request = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/verify-mfa");
            request.header("idempotency-key", "k1").json(&body)
        };
        assert_eq!(confirm().expect(200).await["backupCodes"].as_array().unwrap().len(), 10);
        let again = confirm().send().await;
        assert_eq!((again.status.as_u16(), &again.body["backupCodes"]), (409, &Value::Null));
    }

    /// What is checked before five failures are stored is not let in after that.
    async fn of_many_guesses_at_once_few_are_heard(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (_, backup) = testing::enable_mfa(&app, &ann).await;
        let id: UserId = ann["data"]["id"].as_str().unwrap().parse().unwrap();
        let own = [Counter::of_user(&id)];
        let now = app.app.now();
        let lock = async || {
            for _ in 0..5 {
                app.store.transact("test", async |tx| accounts::fail(&tx, &own, now).await).await.unwrap();
            }
        };
        lock().await;
        let caller = Caller::of_token(&app.app, ann["token"].as_str().unwrap()).await.unwrap();
        let checked = app.store.transact("test", async |tx| own[0].must_be_open(&tx, now).await).await;
        assert_eq!(checked.unwrap_err().status(), 429);
        assert_eq!(accounts::step_up(&app.app, &caller, Some(&backup[0])).await.unwrap_err().status(), 429);
        app.clock.advance(Duration::from_secs(30));
        let now = app.app.now();
        app.store.transact("test", async |tx| own[0].must_be_open(&tx, now).await).await.unwrap();
    }

    /// A wrong password says nothing of a second factor.
    async fn the_factor_is_asked_for_after_the_password_alone(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        testing::enable_mfa(&app, &ann).await;
        let wrong = json!({"email": "ann@example.com", "password": "not this one"});
        let unknown = json!({"email": "nobody@example.com", "password": "not this one"});
        let wrong = app.post(LOGIN).json(&wrong).expect(401).await;
        assert_eq!(wrong, app.post(LOGIN).json(&unknown).expect(401).await);
        assert_eq!(wrong["error"]["details"], json!({}));
    }
}
