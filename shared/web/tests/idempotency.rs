//! The same `Idempotency-Key` and body take effect once and get the same answer.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use aws_lc_rs::digest;
use axum::extract::State;
use garde::Validate;
use kernel::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Collection;
use testkit::{TestApp, TestUser};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{ApiError, App, Caller, Function, Json};

#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

const COUNTERS: Collection<Counter> = Collection::top("test-counters", &[]);

#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    #[garde(range(max = 100))]
    amount: u64,
}

#[utoipa::path(post, path = "/probe/add", request_body = Add, responses((status = 200)))]
async fn add(State(_app): State<App>, caller: Caller, Json(body): Json<Add>) -> Result<Json<Value>, ApiError> {
    if body.amount == 13 {
        return Err(ApiError::field("amount", "amount: not that one"));
    }
    let n = caller
        .store
        .transact("add", async |tx| {
            let before = tx.get(&COUNTERS, "c").await?.map_or(0, |doc| doc.value.n);
            tx.put(&COUNTERS, "c", &Counter { n: before + body.amount })?;
            Ok::<_, store::Error>(before + body.amount)
        })
        .await?;
    if body.amount == 99 {
        return Err(ApiError::internal("the process died after its commit"));
    }
    Ok(Json(json!({ "n": n })))
}

fn probe() -> Vec<Function> {
    vec![Function::new("probe").routes(OpenApiRouter::new().routes(routes!(add)))]
}

testkit::on_both_platforms! {
    functions: super::probe;
    once_and_the_same_answer, another_body_is_refused, many_at_once_take_effect_once, a_refusal_frees_the_key,
    what_committed_is_never_done_again, keys_are_each_callers_own,
    no_guess_can_be_held_against_what_is_stored,
}

async fn send(app: &TestApp, user: &TestUser, key: &str, amount: u64) -> testkit::TestResponse {
    let body = json!({ "amount": amount });
    app.post("/probe/add").by(user).header("idempotency-key", key).json(&body).send().await
}

async fn count(app: &TestApp) -> u64 {
    app.store.get(&COUNTERS, "c").await.unwrap().map_or(0, |doc| doc.value.n)
}

async fn once_and_the_same_answer(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    let first = send(&app, &ann, "k1", 5).await;
    let second = send(&app, &ann, "k1", 5).await;
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.body["n"].as_u64(), count(&app).await), (Some(5), 5));
    assert!(first.headers.get("idempotent-replayed").is_none());
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(send(&app, &ann, "k2", 5).await.body["n"], 10);
}

async fn another_body_is_refused(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    send(&app, &ann, "k1", 5).await;
    let other = send(&app, &ann, "k1", 6).await;
    assert_eq!((other.status.as_u16(), &other.body["error"]["code"]), (422, &json!("INVALID_REQUEST")));
    assert_eq!(count(&app).await, 5);
    let long = "k".repeat(201);
    assert_eq!(send(&app, &ann, &long, 5).await.status.as_u16(), 400);
}

async fn many_at_once_take_effect_once(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    let all = futures::future::join_all((0..8).map(|_| send(&app, &ann, "k1", 5))).await;
    assert!(all.iter().any(|answer| answer.status.is_success()));
    for answer in &all {
        match answer.status.as_u16() {
            200 => assert_eq!(answer.body["n"], 5),
            // Still at work, or the store's patience with eight at once ran out: nothing happened, ask again.
            409 | 503 => assert!(answer.headers.contains_key("retry-after"), "{}", answer.body),
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(count(&app).await, 5);
    assert_eq!(send(&app, &ann, "k1", 5).await.body["n"], 5);
}

async fn a_refusal_frees_the_key(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    assert_eq!(send(&app, &ann, "k1", 13).await.status.as_u16(), 400);
    assert_eq!(send(&app, &ann, "k1", 7).await.body["n"], 7);
}

async fn what_committed_is_never_done_again(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    assert_eq!(send(&app, &ann, "k1", 99).await.status.as_u16(), 500);
    assert_eq!(count(&app).await, 99);
    let again = send(&app, &ann, "k1", 99).await;
    assert_eq!((again.status.as_u16(), &again.body["error"]["code"]), (409, &json!("DUPLICATE_ENTRY")));
    assert_eq!(count(&app).await, 99);
}

async fn keys_are_each_callers_own(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    let ben = app.user(Role::Patient, "Ben").await;
    send(&app, &ann, "k1", 5).await;
    assert_eq!(send(&app, &ben, "k1", 6).await.body["n"], 11);
}

async fn no_guess_can_be_held_against_what_is_stored(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    assert_eq!(send(&app, &ann, "k1", 5).await.status.as_u16(), 200);
    let keys: Collection<Value> = Collection::top("idempotency-keys", &[]);
    let stored = app.store.query(&keys, &keys.all()).await.unwrap().remove(0);
    let body = json!({"amount": 5}).to_string();
    let (id, request) = (plain(&[ann.id.as_str(), "k1"]), plain(&["POST", "/probe/add", &body]));
    assert!(stored.id != id && !stored.value.to_string().contains(&request));
    let blind = app.app.vault.blind_index(&app.store).await.unwrap();
    assert_eq!(stored.value["request"], blind.exact("idempotency.request", &request), "it is keyed, and of the body");
    assert_eq!(stored.id, blind.exact("idempotency.key", &id));
}

fn plain(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}
