use accounts::{Counter, Factor, Posted, Proof, prove};
use axum::extract::State;
use garde::Validate;
use kernel::{OtpRequestId, Phi};
use model::sign_in::{
    Identifier, OTP_ATTEMPTS, OTP_INDEX, OTP_REQUESTS, OtpPurpose, OtpRequest, PHONE_OWNERS, otp_text,
};
use model::user::{USERS, User};
use serde::{Deserialize, Serialize};
use store::{Store, Transaction};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, ClientInfo, Json, Problems, Record, SignInTenant};

use crate::accounts::{AccountKey, find_own};
use crate::cookie::RefreshCookie;
use crate::mail;
use crate::sign_in::{Attempt, First, Found, SignedIn};
use crate::wire::{SUCCEEDED, Succeeded};

/// A code that came.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerifyOtpBody {
    /// What POST /api/v1/auth/request-otp answered.
    #[garde(skip)]
    request_id: OtpRequestId,
    /// Six digits.
    #[garde(length(bytes, max = 64))]
    #[schema(example = "123456")]
    code: String,
    /// A code of the second factor, or a backup code, where the account has one.
    #[serde(default)]
    #[garde(inner(length(bytes, max = 64)))]
    #[schema(example = "123456")]
    mfa_code: Option<String>,
    /// The password, to verify a telephone number: the number signs in from then on.
    #[serde(default)]
    #[garde(inner(length(bytes, max = 1000)))]
    #[schema(example = "securePassword123")]
    password: Option<String>,
}

/// What the code was for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum OtpVerified {
    /// Purpose `login`: a session that began.
    SignedIn(SignedIn),
    /// Purpose `verify`: the address or number counts as verified.
    Verified(Succeeded),
}

type Answer = (Option<RefreshCookie>, Json<OtpVerified>);

/// Use a code
///
/// Signs in with it as POST /api/v1/auth/login does with a password, or shows that an address or number is one's own. A
/// code is good for 5 minutes, once, and for five attempts.
///
/// To verify a telephone number takes the access token, the password and, where the account has one, the second factor,
/// since the number signs in from then on; the user is told by e-mail.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-otp", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = VerifyOtpBody,
    responses((status = 200, body = OtpVerified, description = "Signed in, or verified"), Problems),
)]
pub(crate) async fn verify_otp(
    State(app): State<App>,
    tenant: SignInTenant,
    client: ClientInfo,
    caller: Result<Caller, ApiError>,
    Json(body): Json<VerifyOtpBody>,
) -> Result<Answer, ApiError> {
    let (id, code) = (body.request_id, Phi::new(body.code));
    let Some(asked) = tenant.store.get(&OTP_REQUESTS, id.as_str()).await?.map(|doc| doc.value) else {
        app.entry("auth.verify-otp", &client).denied("no-such-request").write(&tenant.store).await?;
        return Err(not_good());
    };
    let owner = match (asked.purpose, asked.by) {
        (OtpPurpose::Verify, Identifier::Phone) => {
            let caller = owner(caller, &tenant, &asked)?;
            let password = body.password.map(Phi::new);
            Some(Owner::proven(&app, caller, password, body.mfa_code.as_deref()).await?)
        }
        _ => None,
    };
    let blind = app.vault.blind_index(&tenant.store).await?;
    let mut attempt = Attempt::new(&app, &tenant, &client, (&blind, &asked.index), "auth.verify-otp");
    let found = find(&tenant.store, &id, &asked).await?;
    attempt.must_be_heard(found.as_ref()).await?;
    let hash = blind.exact(OTP_INDEX, &otp_text(&id, code.disclose().trim()));
    let is_right = use_an_attempt(&app, &tenant.store, &id).await?.is_some_and(|stored| stored == hash);
    let found = match found {
        Some(found) if is_right => found,
        found => return Err(attempt.failed(found.as_ref(), "wrong-code", not_good()).await),
    };
    if asked.purpose == OtpPurpose::Verify {
        mark_verified(&app, &tenant.store, &client, &id, &found, (asked.by, owner)).await?;
        return Ok((None, Json(OtpVerified::Verified(SUCCEEDED))));
    }
    let first = First::Code { request: id, hash };
    let (cookie, Json(signed_in)) = attempt.finish(found, first, body.mfa_code.as_deref()).await?;
    Ok((Some(cookie), Json(OtpVerified::SignedIn(signed_in))))
}

/// One answer for everything that is wrong with a code.
pub(crate) fn not_good() -> ApiError {
    ApiError::unauthorized("The code is wrong, was used, or is too old. After five attempts ask for another one.")
}

/// The caller, who has to be the one whose number it is. `Err` says the same whoever else asks.
fn owner(caller: Result<Caller, ApiError>, tenant: &SignInTenant, asked: &OtpRequest) -> Result<Caller, ApiError> {
    let caller = caller?;
    if *caller.tenant() == tenant.id && asked.user_id.as_ref() == Some(caller.user()) {
        return Ok(caller);
    }
    caller.trail.action("auth.contact-verified").denied("not-the-owner");
    Err(not_good())
}

/// Who has proven that the account is theirs, so that a number may sign in to it.
struct Owner {
    caller: Caller,
    factor: Option<Factor>,
    letter: Posted,
}

impl Owner {
    async fn proven(
        app: &App,
        caller: Caller,
        password: Option<Phi<String>>,
        mfa_code: Option<&str>,
    ) -> Result<Self, ApiError> {
        let told = "password: a verified telephone number signs in, so this takes the password";
        let password = Some(("password", password.ok_or_else(|| ApiError::field("password", told))?));
        let user = find_own(&caller).await?;
        let proof = Proof { action: "auth.contact-verified", password, code: Some(mfa_code) };
        let factor = prove(app, &caller, &user, proof).await?;
        let key = AccountKey::of(app, &caller.store, caller.user()).await?;
        let letter = mail::phone_signs_in(key.open("email", &user.email)?);
        let letter = letter.seal(app, caller.tenant(), caller.user(), key.subject_key());
        Ok(Self { caller, factor, letter })
    }

    /// Uses up the second factor, and tells the user.
    async fn spend(&self, app: &App, tx: &Transaction, user: &mut User) -> Result<(), ApiError> {
        let own = Counter::of_user(self.caller.user());
        own.must_be_open(tx, app.now()).await?;
        if let Some(mfa) = user.sign_in.mfa.as_mut() {
            if !self.factor.as_ref().is_some_and(|factor| factor.spend(mfa)) {
                let told = "The code of the second factor was used before, or there is one only since now.";
                return Err(ApiError::forbidden(told).detail("mfaRequired", true));
            }
            own.clear(tx);
        }
        self.letter.save(tx)?;
        Ok(())
    }
}

/// Whose account it is. Reads as much where there is none.
async fn find(store: &Store, id: &OtpRequestId, asked: &OtpRequest) -> Result<Option<Found>, store::Error> {
    let user = store.get(&USERS, asked.user_id.as_ref().map_or(id.as_str(), |user| user.as_str())).await?;
    let owner = asked.user_id.clone().zip(user.map(|doc| doc.value));
    Ok(owner.filter(|(_, user)| asked.is_good_for(user)))
}

/// Uses up one of a request's attempts before the code is compared, so that guesses sent at once are counted too. Answers
/// the stored hash while there are attempts left.
async fn use_an_attempt(app: &App, store: &Store, id: &OtpRequestId) -> Result<Option<String>, store::Error> {
    store
        .transact("otp-attempt", async |tx| {
            let asked = tx.get(&OTP_REQUESTS, id.as_str()).await?.map(|doc| doc.value);
            let Some(mut asked) = asked.filter(|asked| asked.is_open(app.now())) else { return Ok(None) };
            asked.attempts = (asked.attempts + 1).min(OTP_ATTEMPTS);
            tx.put_until(&OTP_REQUESTS, id.as_str(), &asked, asked.expires_at)?;
            Ok(asked.code_hash)
        })
        .await
}

/// The number or address is the account's own. What was changed meanwhile is not verified by an older code.
async fn mark_verified(
    app: &App,
    store: &Store,
    client: &ClientInfo,
    id: &OtpRequestId,
    (user_id, seen): &Found,
    (by, owner): (Identifier, Option<Owner>),
) -> Result<(), ApiError> {
    let key = AccountKey::of(app, store, user_id).await?;
    let index = key.index_of(app, store, seen, by).await?.ok_or_else(not_good)?;
    let entry = app.entry("auth.contact-verified", client).of(user_id, seen.role).entity("user", user_id.as_str());
    let entry = owner.iter().fold(entry, |entry, owner| entry.by(&owner.caller.principal));
    store
        .transact("verify-contact", async |tx| {
            let asked = tx.get(&OTP_REQUESTS, id.as_str()).await?.map(|doc| doc.value);
            asked.filter(|asked| asked.index == index && asked.by == by).ok_or_else(not_good)?;
            let user = tx.get(&USERS, user_id.as_str()).await?.map(|doc| doc.value);
            let is_as_seen = user.filter(|user| user.email == seen.email && user.phone_number == seen.phone_number);
            let mut user = is_as_seen.ok_or_else(not_good)?;
            if let Some(owner) = &owner {
                owner.spend(app, &tx, &mut user).await?;
            }
            match by {
                Identifier::Email => user.sign_in.email_verified_at = Some(app.now()),
                Identifier::Phone => {
                    user.sign_in.phone_verified_at = Some(app.now());
                    let owners = tx.get(&PHONE_OWNERS, &index).await?;
                    let mut owners = owners.map(|doc| doc.value).unwrap_or_default();
                    if !owners.user_ids.contains(user_id) {
                        owners.user_ids.push(user_id.clone());
                    }
                    tx.put(&PHONE_OWNERS, &index, &owners)?;
                }
            }
            tx.put(&USERS, user_id.as_str(), &user)?;
            tx.delete(&OTP_REQUESTS, id.as_str());
            tx.record(&entry)?;
            Ok::<_, ApiError>(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use connect::messages::{Channel, Fate};
    use events::Emit;
    use kernel::Role;
    use model::event::CodeRequested;
    use model::user::USERS;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest};

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_code_signs_in, outsiders_learn_nothing, guesses_run_out, guesses_sent_at_once_are_counted,
        a_verified_number_signs_in, a_shared_number_signs_nobody_in, the_next_way_is_taken, the_second_factor_is_asked_for,
        a_code_verifies_what_is_ones_own, a_number_takes_the_password_and_the_factor, what_is_wrong_is_named,
    }

    const REQUEST: &str = "/api/v1/auth/request-otp";
    const NUMBER: &str = "+15550142877";

    fn verify(app: &TestApp, id: &str, code: &str) -> TestRequest {
        app.post("/api/v1/auth/verify-otp").json(&json!({"requestId": id, "code": code}))
    }

    async fn last_code(app: &TestApp) -> String {
        testing::code_of(app.sent().await.last().unwrap())
    }

    /// A code that is not this one.
    fn other_than(code: &str) -> &'static str {
        if code == "000000" { "000001" } else { "000000" }
    }

    async fn with_number(app: &TestApp, email: &str) -> Value {
        let body =
            json!({"name": "Ann Lee", "email": email, "password": PASSWORD, "role": "Patient", "phoneNumber": NUMBER});
        let made = app.post("/api/v1/auth/register").json(&body).expect(201).await;
        app.settle().await;
        made
    }

    async fn a_code_signs_in(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let id = testing::request_code(&app, json!({"email": "Ann@example.com"})).await;
        let sent = app.sent().await;
        assert_eq!(
            (sent.last().unwrap().channel, sent.last().unwrap().to.disclose().as_str()),
            (Channel::Email, "ann@example.com")
        );
        let code = last_code(&app).await;
        let stored = app.store.query(&super::OTP_REQUESTS, &super::OTP_REQUESTS.all()).await.unwrap();
        assert!(!serde_json::to_string(&stored[0].value).unwrap().contains(&code));
        let answer = verify(&app, &id, &code).send().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.headers["set-cookie"].to_str().unwrap().starts_with("refresh_token="));
        assert_eq!((&answer.body["success"], &answer.body["user"]), (&json!(true), &made["data"]));
        testing::get_as(&app, &answer.body, "/api/v1/users/me").expect(200).await;
        verify(&app, &id, &code).refused(401, "UNAUTHORIZED").await;
        let entries = testing::audit(&app, "auth.verify-otp").await;
        assert_eq!(entries[0].because, ["code"]);
    }

    /// The same status, body, reads and writes, of what the requests themselves do.
    async fn outsiders_learn_nothing(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Nurse).await;
        app.settle().await;
        let front = app.second_instance(testing::without_handlers()).await;
        front.app.vault.blind_index(&front.store).await.unwrap();
        let ask = async |email: &str| {
            let before = front.store.meter().counts();
            let mut answer = front.post(REQUEST).json(&json!({"email": email})).expect(202).await;
            let id = answer["requestId"].take();
            front.settle().await;
            let asking = front.store.meter().counts() - before;
            (id.as_str().unwrap().to_owned(), answer, asking)
        };
        let (known, known_answer, asking) = ask("ann@example.com").await;
        let (unknown, unknown_answer, unknown_asking) = ask("nobody@example.com").await;
        assert_eq!((&known_answer, asking), (&unknown_answer, unknown_asking));
        assert_eq!(known_answer, json!({"success": true, "requestId": null, "expiresInSeconds": 300}));
        // Where the code is made afterwards, guessing looks the same too.
        let send = CodeRequested { request_id: known.parse().unwrap(), round: 0 };
        let send = app.app.occurs(send);
        app.store.transact("test", async |tx| tx.emit(&send)).await.unwrap();
        app.settle().await;
        assert!(app.store.get(&super::OTP_REQUESTS, &known).await.unwrap().unwrap().value.code_hash.is_some());
        let guess = async |id: &str| {
            let before = front.store.meter().counts();
            let answer = front.post("/api/v1/auth/verify-otp").json(&json!({"requestId": id, "code": "000000"}));
            let answer = answer.expect(401).await;
            (answer, front.store.meter().counts() - before)
        };
        assert_eq!(guess(&known).await, guess(&unknown).await);
    }

    async fn guesses_run_out(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Nurse).await;
        let id = testing::request_code(&app, json!({"email": "ann@example.com"})).await;
        let code = last_code(&app).await;
        for _ in 0..5 {
            verify(&app, &id, other_than(&code)).refused(401, "UNAUTHORIZED").await;
        }
        // The address is locked for a while, and the code is good no more afterwards.
        verify(&app, &id, &code).refused(429, "RATE_LIMITED").await;
        app.clock.advance(Duration::from_secs(30));
        verify(&app, &id, &code).refused(401, "UNAUTHORIZED").await;
        let id = testing::request_code(&app, json!({"email": "ben@example.com"})).await;
        app.clock.advance(Duration::from_secs(300));
        verify(&app, &id, "000000").refused(401, "UNAUTHORIZED").await;
    }

    async fn guesses_sent_at_once_are_counted(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Nurse).await;
        let id = testing::request_code(&app, json!({"email": "ann@example.com"})).await;
        let code = last_code(&app).await;
        let wrong = other_than(&code);
        let guess = || verify(&app, &id, wrong).send();
        tokio::join!(guess(), guess(), guess(), guess(), guess(), guess());
        let asked = app.store.get(&super::OTP_REQUESTS, &id).await.unwrap().unwrap().value;
        assert_eq!(asked.attempts, 5);
        app.clock.advance(Duration::from_secs(120));
        verify(&app, &id, &code).refused(401, "UNAUTHORIZED").await;
    }

    async fn a_verified_number_signs_in(app: TestApp) {
        let ann = with_number(&app, "ann@example.com").await;
        let before = app.sent().await.len();
        testing::request_code(&app, json!({"phoneNumber": NUMBER})).await;
        assert_eq!(app.sent().await.len(), before, "an unverified number may be somebody else's");
        app.clock.advance(Duration::from_secs(60));
        testing::verify_number(&app, &ann, NUMBER).await;
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["phoneVerified"], true);
        app.clock.advance(Duration::from_secs(60));
        let id = testing::request_code(&app, json!({"phoneNumber": "+1 555 014 2877", "channel": "sms"})).await;
        assert_eq!(app.sent().await.last().unwrap().channel, Channel::Sms);
        let answer = verify(&app, &id, &last_code(&app).await).expect(200).await;
        assert_eq!(answer["user"], ann["data"]);
    }

    async fn a_shared_number_signs_nobody_in(app: TestApp) {
        for email in ["ann@example.com", "ben@example.com"] {
            let made = with_number(&app, email).await;
            testing::verify_number(&app, &made, NUMBER).await;
            app.clock.advance(Duration::from_secs(60));
        }
        let id = testing::request_code(&app, json!({"phoneNumber": NUMBER})).await;
        let told = app.sent().await.last().unwrap().clone();
        assert!(told.text.disclose().contains("Use your e-mail address"), "its holder is told");
        let others = (0..1000_u32).step_by(250).map(|n| format!("{n:06}"));
        for guess in others {
            verify(&app, &id, &guess).refused(401, "UNAUTHORIZED").await;
        }
    }

    async fn the_next_way_is_taken(app: TestApp) {
        let ann = with_number(&app, "ann@example.com").await;
        testing::verify_number(&app, &ann, NUMBER).await;
        app.clock.advance(Duration::from_secs(60));
        app.messages.set_channel(Channel::WhatsApp, Fate::Undelivered);
        app.messages.set_channel(Channel::Sms, Fate::Refused);
        let before = app.sent().await.len();
        let id = testing::request_code(&app, json!({"phoneNumber": NUMBER})).await;
        let channels = async || app.sent().await[before..].iter().map(|message| message.channel).collect::<Vec<_>>();
        assert_eq!(channels().await, [Channel::WhatsApp], "the e-mail address is not verified");
        app.clock.advance(Duration::from_secs(60));
        let token = testing::token_of(&app.sent().await[0]);
        app.post("/api/v1/auth/verify-email").json(&json!({"token": token})).expect(200).await;
        app.post("/api/v1/auth/resend-otp").json(&json!({"requestId": id})).expect(202).await;
        app.settle().await;
        assert_eq!(channels().await, [Channel::WhatsApp, Channel::WhatsApp, Channel::Email]);
        verify(&app, &id, &last_code(&app).await).expect(200).await;
    }

    async fn the_second_factor_is_asked_for(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (_, backup) = testing::enable_mfa(&app, &ann).await;
        let id = testing::request_code(&app, json!({"email": "ann@example.com"})).await;
        let code = last_code(&app).await;
        let refused = verify(&app, &id, &code).expect(401).await;
        assert_eq!(refused["error"]["details"], json!({"mfaRequired": true}));
        let with = |mfa: &str| {
            let body = json!({"requestId": id, "code": code, "mfaCode": mfa});
            app.post("/api/v1/auth/verify-otp").json(&body)
        };
        with("000000").refused(401, "UNAUTHORIZED").await;
        with(&backup[0]).expect(200).await;
        with(&backup[1]).refused(401, "UNAUTHORIZED").await;
    }

    async fn a_code_verifies_what_is_ones_own(app: TestApp) {
        let ann = with_number(&app, "ann@example.com").await;
        let ask = |tokens: Option<&Value>, body: Value| {
            let request = app.post(REQUEST).json(&body);
            match tokens {
                Some(tokens) => {
                    request.header("authorization", &format!("Bearer {}", tokens["token"].as_str().unwrap()))
                }
                None => request,
            }
        };
        let email = json!({"email": "ann@example.com", "purpose": "verify"});
        ask(None, email.clone()).refused(401, "UNAUTHORIZED").await;
        let ben = testing::register(&app, "ben@example.com", Role::Patient).await;
        assert_eq!(ask(Some(&ben), email.clone()).refused(400, "VALIDATION_ERROR").await, "email");
        let number = json!({"phoneNumber": NUMBER, "purpose": "verify"});
        assert_eq!(ask(Some(&ben), number).refused(400, "VALIDATION_ERROR").await, "phoneNumber");
        let asked = ask(Some(&ann), email).expect(202).await;
        let code = last_code(&app).await;
        let done = verify(&app, asked["requestId"].as_str().unwrap(), &code).expect(200).await;
        assert_eq!(done, json!({"success": true}));
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["emailVerified"], true);
        // A code for verifying signs nobody in, and a number that was changed meanwhile is not verified by it.
        app.clock.advance(Duration::from_secs(60));
        let asked = ask(Some(&ann), json!({"phoneNumber": NUMBER, "purpose": "verify"})).expect(202).await;
        let code = last_code(&app).await;
        let change = testing::request_as(&app, &ann, http::Method::PUT, "/api/v1/users/me");
        change.json(&json!({"phoneNumber": "+15550142878"})).expect(200).await;
        let body = json!({"requestId": asked["requestId"], "code": code, "password": PASSWORD});
        let late = testing::request_as(&app, &ann, http::Method::POST, "/api/v1/auth/verify-otp").json(&body);
        late.refused(401, "UNAUTHORIZED").await;
        let user = app.store.get(&USERS, ann["data"]["id"].as_str().unwrap()).await.unwrap().unwrap().value;
        assert_eq!(user.sign_in.phone_verified_at, None);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let field = async |path: &str, body: Value| app.post(path).json(&body).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field(REQUEST, json!({})).await, "email");
        assert_eq!(field(REQUEST, json!({"email": "x"})).await, "email");
        assert_eq!(field(REQUEST, json!({"phoneNumber": "555"})).await, "phoneNumber");
        assert_eq!(field(REQUEST, json!({"email": "a@b.co", "phoneNumber": NUMBER})).await, "phoneNumber");
        assert_eq!(field(REQUEST, json!({"email": "a@b.co", "channel": "pigeon"})).await, "channel");
        assert_eq!(field(REQUEST, json!({"email": "a@b.co", "purpose": "x"})).await, "purpose");
        assert_eq!(field("/api/v1/auth/verify-otp", json!({"requestId": "a/b", "code": "1"})).await, "requestId");
        assert_eq!(field("/api/v1/auth/verify-otp", json!({"requestId": "x"})).await, "code");
        verify(&app, "x", "000000").refused(401, "UNAUTHORIZED").await;
        let entries = testing::audit(&app, "auth.verify-otp").await;
        assert_eq!(entries[0].refusal.as_deref(), Some("no-such-request"));
    }

    /// Whoever has an access token has not the password, and so gets no number that signs in.
    async fn a_number_takes_the_password_and_the_factor(app: TestApp) {
        let ann = with_number(&app, "ann@example.com").await;
        let ben = testing::register(&app, "ben@example.com", Role::Patient).await;
        let ask = json!({"phoneNumber": NUMBER, "purpose": "verify"});
        let ask = testing::request_as(&app, &ann, http::Method::POST, "/api/v1/auth/request-otp").json(&ask);
        let asked = ask.expect(202).await;
        let code = last_code(&app).await;
        let (_, backup) = testing::enable_mfa(&app, &ann).await;
        let give = |tokens: &Value, more: Value| {
            let mut body = json!({"requestId": asked["requestId"], "code": code});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            testing::request_as(&app, tokens, http::Method::POST, "/api/v1/auth/verify-otp").json(&body)
        };
        verify(&app, asked["requestId"].as_str().unwrap(), &code).refused(401, "UNAUTHORIZED").await;
        let own = json!({"password": PASSWORD, "mfaCode": backup[0]});
        give(&ben, own.clone()).refused(401, "UNAUTHORIZED").await;
        assert_eq!(give(&ann, json!({})).refused(400, "VALIDATION_ERROR").await, "password");
        let guess = give(&ann, json!({"password": "not this one", "mfaCode": backup[0]}));
        assert_eq!(guess.refused(403, "FORBIDDEN").await, "password");
        give(&ann, json!({"password": PASSWORD})).refused(403, "FORBIDDEN").await;
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["phoneVerified"], false);
        give(&ann, own).expect(200).await;
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["phoneVerified"], true);
        let told = app.sent().await.last().unwrap().clone();
        assert_eq!((told.kind.as_str(), told.to.disclose().as_str()), ("phone-verified", "ann@example.com"));
        let entries = testing::audit(&app, "auth.contact-verified").await;
        let mut refusals: Vec<_> = entries.iter().map(|entry| entry.refusal.as_deref().unwrap_or("")).collect();
        refusals.sort_unstable();
        assert_eq!(refusals, ["", "not-the-owner", "second-factor-missing", "wrong-password"]);
    }
}
