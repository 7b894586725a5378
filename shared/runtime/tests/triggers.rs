//! The trigger paths: every form of envelope reaches the same handler, and only known service accounts may call.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use access::oidc::{FetchedJwks, GOOGLE_ISSUERS, JwksError, JwksSource, OidcConfig, OidcVerifier};
use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{Delivery, Failure};
use http::{Request, StatusCode};
use kernel::Clock;
use model::event::{ChatLogGrew, PARKED};
use runtime::TriggerAuth;
use serde_json::{Value, json};
use testkit::{Build, FixedClock, TestApp};
use tower::ServiceExt;
use web::{Function, Job};

const AUDIENCE: &str = "https://chats.example.com";
const ACCOUNT: &str = "push@project.iam.gserviceaccount.com";

/// Google's keys, as a fake issuer has them.
struct Keys(Vec<u8>);

#[async_trait]
impl JwksSource for Keys {
    async fn fetch(&self) -> Result<FetchedJwks, JwksError> {
        Ok(FetchedJwks { json: self.0.clone(), max_age: None })
    }
}

struct World {
    app: TestApp,
    pair: RsaKeyPair,
    handled: Arc<AtomicUsize>,
}

async fn world() -> World {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = handled.clone();
    let function = Function::new("probe")
        .on::<ChatLogGrew, _, _>("probe-grew", move |job: Job, delivery: Delivery<ChatLogGrew>| {
            let count = count.clone();
            async move {
                if delivery.event.log_seq == 503 {
                    return Err(Failure::Retry("not now".into()));
                }
                if delivery.event.log_seq == 400 {
                    return Err(Failure::GiveUp("never".to_owned()));
                }
                let now = job.app.now();
                let marked = job.store.transact("probe", async |tx| delivery.mark(&tx, now)).await;
                if !matches!(marked, Err(store::Error::AlreadyExists { .. })) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                Ok(marked.or_else(|error| {
                    if matches!(error, store::Error::AlreadyExists { .. }) { Ok(()) } else { Err(error) }
                })?)
            }
        })
        .every("probe-often", std::time::Duration::from_secs(60), {
            let count = handled.clone();
            move |_| {
                let count = count.clone();
                async move {
                    count.fetch_add(100, Ordering::SeqCst);
                    Ok(())
                }
            }
        });
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let keys = json!({"keys": [{
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k0",
        "n": encoded(public.modulus().big_endian_without_leading_zero()),
        "e": encoded(public.exponent().big_endian_without_leading_zero()),
    }]});
    let accept = OidcConfig {
        issuers: GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
        audience: AUDIENCE.to_owned(),
        service_accounts: vec![ACCOUNT.to_owned()],
        checked_before: false,
    };
    let clock = Arc::new(FixedClock::default());
    let verifier = OidcVerifier::new(accept, Arc::new(Keys(keys.to_string().into_bytes())), clock.clone());
    let build = Build {
        unique: "clinic-a".to_owned(),
        clock,
        triggers: Some(TriggerAuth::Oidc(Arc::new(verifier))),
        ..Build::default()
    };
    World { app: TestApp::build(build, vec![function]).await, pair, handled }
}

impl World {
    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = self.app.clock.now().as_secs();
        let mut claims = json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "1", "sub": "113", "email": ACCOUNT,
            "email_verified": true, "iat": now, "exp": now + 3600,
        });
        change(&mut claims);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT", "kid": "k0"})), part(&claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Calls a trigger path as a recorded request does, but for its token.
    async fn call(&self, path: &str, fixture: &str, token: &str) -> StatusCode {
        let (head, body) = fixture.split_once("\n\n").unwrap();
        let mut request = Request::post(path).header("authorization", format!("Bearer {token}"));
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(':').unwrap();
            if !matches!(name.to_ascii_lowercase().as_str(), "authorization" | "host" | "content-length") {
                request = request.header(name, value.trim());
            }
        }
        let request = request.body(Body::from(body.trim_end().to_owned())).unwrap();
        self.app.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn deliver(&self, fixture: &str, token: &str) -> StatusCode {
        self.call("/triggers/events/probe-grew", fixture, token).await
    }
}

/// A recorded request; its event is of the tenant "clinic-a".
fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/{name}.http", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const EVENTS: [&str; 5] = [
    "pubsub-wrapped",
    "pubsub-unwrapped",
    "cloudevent-binary",
    "cloudevent-structured",
    "cloudevent-structured-base64",
];

#[tokio::test]
async fn every_envelope_reaches_the_handler_and_takes_effect_once() {
    for name in EVENTS {
        let world = world().await;
        let token = world.token(|_| {});
        assert_eq!(world.deliver(&fixture(name), &token).await, StatusCode::NO_CONTENT, "{name}");
        assert_eq!(world.handled.load(Ordering::SeqCst), 1, "{name} reaches the handler");
        assert_eq!(world.deliver(&fixture(name), &token).await, StatusCode::NO_CONTENT, "{name} again");
        assert_eq!(world.handled.load(Ordering::SeqCst), 1, "{name} takes effect once");
    }
}

#[tokio::test]
async fn a_scheduler_call_runs_the_schedule() {
    let world = world().await;
    let token = world.token(|_| {});
    let status = world.call("/triggers/schedules/probe-often", &fixture("scheduler"), &token).await;
    assert_eq!((status, world.handled.load(Ordering::SeqCst)), (StatusCode::NO_CONTENT, 100));
    assert_eq!(
        world.call("/triggers/schedules/outbox-sweep", &fixture("scheduler"), &token).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(world.call("/triggers/schedules/unknown", &fixture("scheduler"), &token).await, StatusCode::NOT_FOUND);
    assert_eq!(
        world.call("/triggers/schedules/probe-often", &fixture("scheduler"), "").await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn only_known_service_accounts_may_call() {
    let world = world().await;
    let event = fixture("pubsub-wrapped");
    let good = world.token(|_| {});
    let mut forged = good.clone();
    forged.truncate(good.len() - 8);
    forged.push_str("AAAAAAAA");
    let refused = [
        ("no token", String::new()),
        ("a bad signature", forged),
        ("another audience", world.token(|c| c["aud"] = "https://other.example.com".into())),
        ("another e-mail", world.token(|c| c["email"] = "mallory@project.iam.gserviceaccount.com".into())),
        ("an e-mail that is not verified", world.token(|c| c["email_verified"] = false.into())),
        ("another issuer", world.token(|c| c["iss"] = "https://issuer.example".into())),
        ("an expired token", world.token(|c| c["exp"] = (c["iat"].as_i64().unwrap() - 60).into())),
    ];
    for (what, token) in refused {
        assert_eq!(world.deliver(&event, &token).await, StatusCode::UNAUTHORIZED, "{what}");
    }
    assert_eq!(world.handled.load(Ordering::SeqCst), 0);
    assert_eq!(world.deliver(&event, &good).await, StatusCode::NO_CONTENT);
}

/// The unwrapped fixture with another event inside.
fn unwrapped(change: impl FnOnce(&mut Value)) -> String {
    let fixture = fixture("pubsub-unwrapped");
    let (head, body) = fixture.split_once("\n\n").unwrap();
    let mut envelope: Value = serde_json::from_str(body).unwrap();
    change(&mut envelope);
    format!("{head}\n\n{envelope}")
}

#[tokio::test]
async fn failures_are_called_again_parked_or_refused() {
    let world = world().await;
    let token = world.token(|_| {});
    let again = unwrapped(|e| e["data"]["logSeq"] = 503.into());
    assert_eq!(world.deliver(&again, &token).await, StatusCode::SERVICE_UNAVAILABLE);
    let never = unwrapped(|e| e["data"]["logSeq"] = 400.into());
    assert_eq!(world.deliver(&never, &token).await, StatusCode::NO_CONTENT);
    let parked = world.app.store.query(&PARKED, &PARKED.all()).await.unwrap();
    assert_eq!((parked.len(), parked[0].value.reason.as_str()), (1, "never"));
    let damaged = unwrapped(|e| e["data"] = json!({"chatId": 7}));
    assert_eq!(world.deliver(&damaged, &token).await, StatusCode::NO_CONTENT, "parked too");
    let other_event = unwrapped(|e| e["name"] = "chats.message-read".into());
    assert_eq!(world.deliver(&other_event, &token).await, StatusCode::NO_CONTENT, "not this handler's");
    let stranger = unwrapped(|e| e["tenant"] = "nobody".into());
    assert_eq!(world.deliver(&stranger, &token).await, StatusCode::NO_CONTENT);
    assert_eq!(world.handled.load(Ordering::SeqCst), 0);
    for garbage in ["{", "[]", "7", r#"{"message":{}}"#, r#"{"message":{"data":"%%"}}"#] {
        let body = format!("POST / HTTP/1.1\ncontent-type: application/json\n\n{garbage}");
        assert_eq!(world.deliver(&body, &token).await, StatusCode::BAD_REQUEST, "{garbage}");
    }
    let unknown = world.call("/triggers/events/nobody", &fixture("pubsub-wrapped"), &token).await;
    assert_eq!(unknown, StatusCode::NOT_FOUND);
}
