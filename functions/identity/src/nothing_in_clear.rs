//! Neither what is stored nor what is answered tells secrets: passwords and used refresh tokens nowhere, names and
//! addresses to their owner alone.

use std::collections::BTreeSet;

use connect::messages::{Channel, Fate};
use http::Method;
use kernel::Role;
use serde_json::{Value, json};
use store::Collection;
use testkit::TestApp;

use crate::testing;

testkit::on_both_platforms! {
    functions: crate::testing::with_recorder;
    what_is_stored_has_nothing_in_clear, codes_and_tokens_are_not_stored, answers_repeat_no_secret, strangers_see_nothing_of_others,
}

/// Every collection that this function writes, or that something writes for it.
const WRITTEN: [&str; 17] = [
    "users",
    "email-owners",
    "sessions",
    "preferences",
    "data-keys",
    "outbox",
    "effects",
    "parked",
    "idempotency-keys",
    "audit",
    "outgoing-messages",
    "one-time-tokens",
    "otp-requests",
    "message-throttles",
    "phone-owners",
    "test-sessions-ended",
    "test-profiles-changed",
];

const NAME: &str = "Canary Finch";
const PASSWORD: &str = "songbird-over-water";
const EMAIL: &str = "canary.finch@example.com";

async fn register(app: &TestApp) -> Value {
    let body =
        json!({"name": NAME, "email": EMAIL, "password": PASSWORD, "role": "Patient", "phoneNumber": "+15550142877"});
    app.post("/api/v1/auth/register").header("idempotency-key", "k0").json(&body).expect(201).await
}

/// The secret part of an answer's refresh token.
fn secret(tokens: &Value) -> String {
    tokens["refreshToken"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()
}

async fn what_is_stored_has_nothing_in_clear(app: TestApp) {
    let made = register(&app).await;
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let second = app.post("/api/v1/auth/login").json(&login).expect(200).await;
    let third = app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&second)).expect(200).await;
    let put = testing::request_as(&app, &made, Method::PUT, "/api/v1/users/me").header("idempotency-key", "k1");
    put.json(&json!({"name": "Canary B. Finch", "phoneNumber": "+15550142878"})).expect(200).await;
    let put = testing::request_as(&app, &made, Method::PUT, "/api/v1/users/me/preferences");
    put.json(&json!({"language": "hi"})).expect(200).await;
    app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&second)).expect(401).await;
    testing::request_as(&app, &made, Method::POST, "/api/v1/auth/logout").expect(200).await;
    app.settle().await;

    let mut forbidden = vec!["canary".to_owned(), "finch".to_owned(), PASSWORD.to_owned(), "5550142".to_owned()];
    for tokens in [&made, &second, &third] {
        forbidden.push(secret(tokens).to_lowercase());
        forbidden.push(tokens["token"].as_str().unwrap().to_lowercase());
    }
    let written = look_for(&app, &forbidden).await;
    for name in ["users", "email-owners", "sessions", "preferences", "data-keys", "effects", "idempotency-keys"] {
        assert!(written.contains(name), "nothing was looked at in {name}");
    }
}

/// What was written, none of which says anything of that.
async fn look_for(app: &TestApp, forbidden: &[String]) -> BTreeSet<&'static str> {
    let mut written = BTreeSet::new();
    for name in WRITTEN {
        let collection: Collection<Value> = Collection::top(name, &[]);
        for doc in app.store.query(&collection, &collection.all()).await.unwrap() {
            written.insert(name);
            let text = format!("{} {}", doc.id, doc.value).to_lowercase();
            let found: Vec<&String> = forbidden.iter().filter(|forbidden| text.contains(*forbidden)).collect();
            assert!(found.is_empty(), "{found:?} in {name}/{}", doc.id);
        }
    }
    written
}

async fn codes_and_tokens_are_not_stored(app: TestApp) {
    // Messages that are on their way are stored with what they say.
    for channel in [Channel::Email, Channel::Sms, Channel::WhatsApp] {
        app.messages.set_channel(channel, Fate::Pending);
    }
    let made = register(&app).await;
    testing::verify_number_with(&app, &made, "+15550142877", PASSWORD).await;
    testing::request_code(&app, json!({"email": EMAIL})).await;
    testing::reset_token(&app, EMAIL).await;
    let enable = testing::request_as(&app, &made, Method::POST, "/api/v1/auth/enable-mfa").expect(200).await;
    let (secret, backup) = testing::enable_mfa_with(&app, &made, PASSWORD).await;
    let wrong = json!({"email": EMAIL, "password": "not this one"});
    app.post("/api/v1/auth/login").json(&wrong).expect(401).await;
    let mut forbidden = vec!["canary".to_owned(), "finch".to_owned(), "5550142".to_owned(), secret.to_lowercase()];
    forbidden.push(enable["secret"].as_str().unwrap().to_lowercase());
    forbidden.extend(backup.iter().flat_map(|code| [code.clone(), code.replace('-', "")]));
    for message in app.sent().await {
        match message.kind.as_str() {
            "phone-verified" | "second-factor" => {}
            "sign-in-code" => forbidden.push(format!("\"{}\"", testing::code_of(&message))),
            _ => forbidden.push(testing::token_of(&message).split('.').nth(1).unwrap().to_lowercase()),
        }
    }
    assert!(forbidden.len() > 25, "{}", forbidden.len());
    let written = look_for(&app, &forbidden).await;
    for name in ["audit", "outgoing-messages", "one-time-tokens", "otp-requests", "message-throttles", "phone-owners"] {
        assert!(written.contains(name), "nothing was looked at in {name}");
    }
}

async fn answers_repeat_no_secret(app: TestApp) {
    let made = register(&app).await;
    let used = secret(&made);
    let mut answers = Vec::new();
    let mut keep = |response: testkit::TestResponse| answers.push(format!("{:?} {}", response.headers, response.body));
    let taken = json!({"name": NAME, "email": EMAIL, "password": PASSWORD, "role": "Patient"});
    keep(app.post("/api/v1/auth/register").json(&taken).send().await);
    for wrong in [json!({"password": [PASSWORD]}), json!({"email": "x", "password": PASSWORD, "extra": PASSWORD})] {
        keep(app.post("/api/v1/auth/login").json(&wrong).send().await);
    }
    keep(
        app.post("/api/v1/auth/login").json(&json!({"email": EMAIL, "password": format!("{PASSWORD}!")})).send().await,
    );
    keep(app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&made)).send().await);
    keep(app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&made)).send().await);
    for path in ["/api/v1/users/me", "/api/v1/auth/sessions", "/.well-known/jwks.json"] {
        keep(testing::get_as(&app, &made, path).send().await);
    }
    for answer in &answers {
        assert!(!answer.contains(PASSWORD) && !answer.contains(&used), "{answer}");
    }
}

async fn strangers_see_nothing_of_others(app: TestApp) {
    register(&app).await;
    let stranger = testing::register(&app, "ben@example.com", Role::Doctor).await;
    for path in ["/api/v1/users/me", "/api/v1/auth/sessions", "/api/v1/users/me/preferences", "/.well-known/jwks.json"]
    {
        let answer = testing::get_as(&app, &stranger, path).expect(200).await.to_string().to_lowercase();
        assert!(!answer.contains("canary") && !answer.contains("finch"), "{path}: {answer}");
    }
}
