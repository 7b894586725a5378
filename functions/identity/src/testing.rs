//! What this crate's tests share.

use events::Delivery;
use http::Method;
use kernel::Role;
use model::event::{ProfileChanged, SessionsEnded};
use serde_json::{Value, json};
use store::Collection;
use testkit::{TestApp, TestRequest};
use web::{Function, Job};

/// The password of everyone who registers here.
pub(crate) const PASSWORD: &str = "magpie-over-water";

/// Registers someone and answers what the API did.
pub(crate) async fn register(app: &TestApp, email: &str, role: Role) -> Value {
    let body = json!({"name": "Ann Lee", "email": email, "password": PASSWORD, "role": role});
    app.post("/api/v1/auth/register").json(&body).expect(201).await
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
