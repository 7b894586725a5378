//! What this crate's tests share.

use connect::messages::SimulatedMessage;
use events::Delivery;
use http::Method;
use kernel::Role;
use model::audit::{AUDIT, AuditEntry};
use model::event::{ProfileChanged, SessionsEnded};
use serde_json::{Value, json};
use store::Collection;
use testkit::{TestApp, TestRequest};
use totp_rs::{Builder, Secret};
use web::{Function, Job};

/// The password of everyone who registers here.
pub(crate) const PASSWORD: &str = "magpie-over-water";

/// Registers someone, waits until what follows from it is done, and answers what the API did.
pub(crate) async fn register(app: &TestApp, email: &str, role: Role) -> Value {
    let body = json!({"name": "Ann Lee", "email": email, "password": PASSWORD, "role": role});
    let made = app.post("/api/v1/auth/register").json(&body).expect(201).await;
    app.settle().await;
    made
}

/// Signs someone in who has registered.
pub(crate) async fn login(app: &TestApp, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    app.post("/api/v1/auth/login").json(&body).expect(200).await
}

/// A request with the access token of an answer.
pub(crate) fn request_as(app: &TestApp, tokens: &Value, method: Method, path: &str) -> TestRequest {
    app.request(method, path).header("authorization", &format!("Bearer {}", tokens["token"].as_str().unwrap()))
}

/// A GET with the access token of an answer.
pub(crate) fn get_as(app: &TestApp, tokens: &Value, path: &str) -> TestRequest {
    request_as(app, tokens, Method::GET, path)
}

/// The session of an answer's access token.
pub(crate) fn session_id(app: &TestApp, tokens: &Value) -> String {
    app.app.tokens.verify(tokens["token"].as_str().unwrap(), app.app.now()).unwrap().session.into_string()
}

/// A body for POST /api/v1/auth/refresh.
pub(crate) fn refresh_body(tokens: &Value) -> Value {
    json!({"refreshToken": tokens["refreshToken"]})
}

const ENDED: Collection<SessionsEnded> = Collection::top("test-sessions-ended", &[]);
const CHANGED: Collection<ProfileChanged> = Collection::top("test-profiles-changed", &[]);

/// This function, and one that writes down its events.
pub(crate) fn with_recorder() -> Vec<Function> {
    let recorder = Function::new("recorder")
        .on("test-ended", |job: Job, delivery: Delivery<SessionsEnded>| async move {
            let id = kernel::EventId::generate(job.app.random.as_ref());
            let written = job.store.transact("test", async |tx| {
                delivery.mark(&tx, job.app.now())?;
                tx.put(&ENDED, id.as_str(), &delivery.event)
            });
            Ok(written.await?)
        })
        .on("test-changed", |job: Job, delivery: Delivery<ProfileChanged>| async move {
            let id = kernel::EventId::generate(job.app.random.as_ref());
            let written = job.store.transact("test", async |tx| {
                delivery.mark(&tx, job.app.now())?;
                tx.put(&CHANGED, id.as_str(), &delivery.event)
            });
            Ok(written.await?)
        });
    vec![crate::function(), recorder]
}

/// The sessions that events told the end of, in the order of their ids.
pub(crate) async fn ended_sessions(app: &TestApp) -> Vec<String> {
    app.settle().await;
    let events = app.store.query(&ENDED, &ENDED.all()).await.unwrap();
    let mut ids: Vec<String> =
        events.into_iter().flat_map(|doc| doc.value.session_ids).map(|id| id.into_string()).collect();
    ids.sort();
    ids
}

/// The users whose profiles events told the change of.
pub(crate) async fn changed_profiles(app: &TestApp) -> Vec<String> {
    app.settle().await;
    let events = app.store.query(&CHANGED, &CHANGED.all()).await.unwrap();
    events.into_iter().map(|doc| doc.value.user_id.into_string()).collect()
}

/// The token in a letter: what its link's fragment has.
pub(crate) fn token_of(message: &SimulatedMessage) -> String {
    let text = message.text.disclose();
    text.split("#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// The code in a letter.
pub(crate) fn code_of(message: &SimulatedMessage) -> String {
    let code = message.text.disclose()[..6].to_owned();
    assert!(code.bytes().all(|c| c.is_ascii_digit()), "no code");
    code
}

/// Asks for a code, waits until it is sent, and answers the request's id.
pub(crate) async fn request_code(app: &TestApp, body: Value) -> String {
    let answer = app.post("/api/v1/auth/request-otp").json(&body).expect(202).await;
    app.settle().await;
    answer["requestId"].as_str().unwrap().to_owned()
}

/// Forgets the password of an address that has an account and answers the token that was sent.
pub(crate) async fn reset_token(app: &TestApp, email: &str) -> String {
    app.post("/api/v1/auth/forgot-password").json(&json!({"email": email})).expect(202).await;
    let sent = app.sent().await;
    token_of(sent.iter().rfind(|message| message.kind == "reset-password").unwrap())
}

/// Gives an account a second factor; answers its secret and its backup codes.
pub(crate) async fn enable_mfa(app: &TestApp, tokens: &Value) -> (String, Vec<String>) {
    enable_mfa_with(app, tokens, PASSWORD).await
}

/// The same with another password.
pub(crate) async fn enable_mfa_with(app: &TestApp, tokens: &Value, password: &str) -> (String, Vec<String>) {
    let offered = request_as(app, tokens, Method::POST, "/api/v1/auth/enable-mfa").expect(200).await;
    let secret = offered["secret"].as_str().unwrap().to_owned();
    let body = json!({"code": code(app, &secret), "password": password});
    let enabled = request_as(app, tokens, Method::POST, "/api/v1/auth/verify-mfa").json(&body).expect(200).await;
    let backup = enabled["backupCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    (secret, backup.collect())
}

/// What an authenticator app shows now.
pub(crate) fn code(app: &TestApp, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(app.app.now().as_secs()).unwrap()).to_string()
}

/// The entries of the audit log about an action.
pub(crate) async fn audit(app: &TestApp, action: &str) -> Vec<AuditEntry> {
    let entries = app.store.query(&AUDIT, &AUDIT.all()).await.unwrap();
    entries.into_iter().map(|doc| doc.value).filter(|entry| entry.action == action).collect()
}

/// This function without its event handlers, to count what a request does by itself.
pub(crate) fn without_handlers() -> Vec<Function> {
    let mut function = crate::function();
    function.handlers.clear();
    vec![function]
}

/// Shows that a number of an account's profile is the user's own.
pub(crate) async fn verify_number(app: &TestApp, tokens: &Value, number: &str) {
    verify_number_with(app, tokens, number, PASSWORD).await;
}

/// The same with another password.
pub(crate) async fn verify_number_with(app: &TestApp, tokens: &Value, number: &str, password: &str) {
    let body = json!({"phoneNumber": number, "purpose": "verify"});
    let asked = request_as(app, tokens, Method::POST, "/api/v1/auth/request-otp").json(&body).expect(202).await;
    let code = code_of(app.sent().await.iter().rfind(|message| message.kind == "sign-in-code").unwrap());
    let body = json!({"requestId": asked["requestId"], "code": code, "password": password});
    let verified = request_as(app, tokens, Method::POST, "/api/v1/auth/verify-otp").json(&body).expect(200).await;
    assert_eq!(verified, json!({"success": true}));
}
