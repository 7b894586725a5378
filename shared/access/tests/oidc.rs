//! Which ID tokens are accepted on trigger paths, against an issuer of our own.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::sync::{Arc, LazyLock};

use access::oidc::{CHECKED_SIGNATURE, GOOGLE_ISSUERS, HttpJwks, OidcConfig, OidcError, OidcVerifier};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{HeldClock, START, jwt};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const AUDIENCE: &str = "https://chats.example.com/events";
const ACCOUNT: &str = "push@project.iam.gserviceaccount.com";

static KEYS: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

struct Room {
    server: MockServer,
    clock: Arc<HeldClock>,
    verifier: OidcVerifier,
}

async fn room() -> Room {
    room_where(false).await
}

/// Where Cloud Run has checked callers before, or not.
async fn room_where(checked_before: bool) -> Room {
    let server = MockServer::start().await;
    let clock = HeldClock::new();
    #[expect(clippy::disallowed_methods, reason = "a test server on this machine needs no timeouts")]
    let client = reqwest::Client::new();
    let config = OidcConfig {
        issuers: GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
        audience: AUDIENCE.to_owned(),
        service_accounts: vec!["scheduler@project.iam.gserviceaccount.com".to_owned(), ACCOUNT.to_owned()],
        checked_before,
    };
    let source = Arc::new(HttpJwks::new(client, format!("{}/certs", server.uri())));
    let verifier = OidcVerifier::new(config, source, clock.clone());
    Room { server, clock, verifier }
}

impl Room {
    /// From now on the issuer answers so.
    async fn answer(&self, response: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(method("GET")).and(path("/certs")).respond_with(response).mount(&self.server).await;
    }

    async fn publish(&self, keys: &[(&str, &RsaKeyPair)]) {
        self.answer(key_set(keys)).await;
    }

    /// How often the issuer was asked since it last changed.
    async fn fetches(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

fn key_set(keys: &[(&str, &RsaKeyPair)]) -> ResponseTemplate {
    let jwk = |(id, pair): &(&str, &RsaKeyPair)| {
        let public = pair.public_key();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
            "n": encoded(public.modulus().big_endian_without_leading_zero()),
            "e": encoded(public.exponent().big_endian_without_leading_zero()),
        })
    };
    ResponseTemplate::new(200)
        .insert_header("cache-control", "public, max-age=3600, must-revalidate")
        .set_body_json(json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }))
}

fn rs256(pair: &RsaKeyPair) -> impl Fn(&[u8]) -> Vec<u8> {
    |message| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "k0"})
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "1", "sub": "113", "email": ACCOUNT,
        "email_verified": true, "iat": START, "exp": START + 3600,
    })
}

fn with(mut value: Value, field: &str, new: Value) -> Value {
    value[field] = new;
    value
}

fn token() -> String {
    jwt(&header(), &claims(), rs256(&KEYS[0]))
}

fn token_with(field: &str, value: Value) -> String {
    jwt(&header(), &with(claims(), field, value), rs256(&KEYS[0]))
}

#[tokio::test]
async fn a_good_token_tells_who_calls_and_keys_are_kept() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    for _ in 0..3 {
        let caller = room.verifier.verify(&token()).await.unwrap();
        assert_eq!((caller.service_account.as_str(), caller.subject.as_str()), (ACCOUNT, "113"));
    }
    assert_eq!(room.fetches().await, 1);
    let many = token_with("aud", json!(["other", AUDIENCE]));
    assert!(room.verifier.verify(&many).await.is_ok());
    assert!(room.verifier.verify(&token_with("iss", json!("accounts.google.com"))).await.is_ok());
}

#[tokio::test]
async fn each_wrong_claim_has_its_error() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    macro_rules! refused {
        ($field:literal, $value:expr, $error:pat) => {
            let outcome = room.verifier.verify(&token_with($field, json!($value))).await;
            assert!(matches!(outcome, Err($error)), "{} {}: {outcome:?}", $field, json!($value));
        };
    }
    refused!("iss", "https://accounts.google.com.evil.example", OidcError::WrongIssuer);
    refused!("aud", "https://notes.example.com/events", OidcError::WrongAudience);
    refused!("aud", Value::Null, OidcError::Malformed(_));
    refused!("email", "push@other.iam.gserviceaccount.com", OidcError::WrongEmail);
    refused!("email", Value::Null, OidcError::WrongEmail);
    refused!("email_verified", false, OidcError::WrongEmail);
    refused!("email_verified", Value::Null, OidcError::WrongEmail);
    refused!("exp", START - 30, OidcError::Expired);
    refused!("exp", "soon", OidcError::Malformed(_));
    refused!("iat", START + 31, OidcError::NotYetValid);
    assert!(room.verifier.verify(&token_with("exp", json!(START - 29))).await.is_ok(), "clocks differ a little");
    assert!(room.verifier.verify(&token_with("iat", json!(START + 30))).await.is_ok());
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    let verify = async |token: String| room.verifier.verify(&token).await;
    let other_key = jwt(&header(), &claims(), rs256(&KEYS[1]));
    assert!(matches!(verify(other_key).await, Err(OidcError::BadSignature)));
    let (signed, signature) = token().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let message = jwt(&header(), &with(claims(), "sub", json!("114")), |_| Vec::new());
    assert_ne!(message.trim_end_matches('.'), signed);
    assert!(matches!(verify(format!("{message}{signature}")).await, Err(OidcError::BadSignature)));
    for alg in ["none", "HS256", "ES256", "RS512", "PS256"] {
        let forged = jwt(&with(header(), "alg", json!(alg)), &claims(), rs256(&KEYS[0]));
        let outcome = verify(forged).await;
        assert!(matches!(outcome, Err(OidcError::WrongAlgorithm)), "{alg}: {outcome:?}");
    }
    for malformed in ["", "a.b", "a.b.c", "....", &"a".repeat(9000)] {
        assert!(matches!(verify(malformed.to_owned()).await, Err(OidcError::Malformed(_))), "{malformed}");
    }
    let no_key = jwt(&with(header(), "kid", Value::Null), &claims(), rs256(&KEYS[0]));
    assert!(matches!(verify(no_key).await, Err(OidcError::Malformed(_))));
    let critical = jwt(&with(header(), "crit", json!(["x"])), &claims(), rs256(&KEYS[0]));
    assert!(matches!(verify(critical).await, Err(OidcError::Malformed(_))));
}

#[tokio::test]
async fn an_unknown_key_asks_again_once_a_minute() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    room.verifier.verify(&token()).await.unwrap();
    let rotated = jwt(&with(header(), "kid", json!("k1")), &claims(), rs256(&KEYS[1]));

    room.publish(&[("k0", &KEYS[0]), ("k1", &KEYS[1])]).await;
    room.clock.advance_secs(59);
    assert!(matches!(room.verifier.verify(&rotated).await, Err(OidcError::UnknownKey)));
    assert_eq!(room.fetches().await, 0, "the first set is too young");
    room.clock.advance_secs(1);
    room.verifier.verify(&rotated).await.unwrap();
    let unknown = jwt(&with(header(), "kid", json!("k2")), &claims(), rs256(&KEYS[1]));
    for _ in 0..20 {
        assert!(matches!(room.verifier.verify(&unknown).await, Err(OidcError::UnknownKey)));
    }
    assert_eq!(room.fetches().await, 1);
}

#[tokio::test]
async fn of_many_first_callers_one_fetches() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    let token = token();
    let outcomes = (0..10).map(|_| room.verifier.verify(&token));
    for outcome in futures::future::join_all(outcomes).await {
        outcome.unwrap();
    }
    assert_eq!(room.fetches().await, 1);
}

#[tokio::test]
async fn a_key_taken_away_stops_working_when_the_set_is_old() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    room.verifier.verify(&token()).await.unwrap();
    room.publish(&[("k1", &KEYS[1])]).await;
    room.clock.advance_secs(3599);
    room.verifier.verify(&token()).await.unwrap();
    room.clock.advance_secs(1);
    assert!(matches!(room.verifier.verify(&token()).await, Err(OidcError::UnknownKey)));
}

#[tokio::test]
async fn keys_serve_an_hour_longer_while_the_issuer_is_away() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    room.verifier.verify(&token()).await.unwrap();
    room.answer(ResponseTemplate::new(503)).await;
    room.clock.advance_secs(3600);
    let long = token_with("exp", json!(START + 100_000));
    room.verifier.verify(&long).await.unwrap();
    room.verifier.verify(&long).await.unwrap();
    assert_eq!(room.fetches().await, 1, "a failure is not tried again at once");
    room.clock.advance_secs(3600);
    let error = room.verifier.verify(&long).await.unwrap_err();
    assert!(matches!(error, OidcError::KeysUnavailable(_)) && error.is_retryable(), "{error:?}");
    assert_eq!(room.fetches().await, 2);
}

#[tokio::test]
async fn an_issuer_that_answers_nonsense_is_unavailable() {
    for nonsense in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_bytes(vec![b' '; 300_000]),
    ] {
        let room = room().await;
        room.answer(nonsense).await;
        let outcome = room.verifier.verify(&token()).await;
        assert!(matches!(outcome, Err(OidcError::KeysUnavailable(_))), "{outcome:?}");
        room.publish(&[("k0", &KEYS[0])]).await;
        room.clock.advance_secs(5);
        room.verifier.verify(&token()).await.unwrap();
    }
}

/// As Cloud Run passes on a token that its IAM has checked.
fn checked(header: &Value, claims: &Value) -> String {
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.{CHECKED_SIGNATURE}", encoded(header), encoded(claims))
}

#[tokio::test]
async fn a_token_that_cloud_run_has_checked_is_accepted_by_its_claims_where_it_checks_all_callers() {
    let room = room_where(true).await;
    let caller = room.verifier.verify(&checked(&header(), &claims())).await.unwrap();
    assert_eq!(caller.service_account, ACCOUNT);
    assert_eq!(room.fetches().await, 0);
    for (field, wrong) in [
        ("aud", json!("https://other.example.com")),
        ("email", json!("gateway@project.iam.gserviceaccount.com")),
        ("email_verified", json!(false)),
        ("iss", json!("https://evil.example")),
        ("exp", json!(START - 31)),
    ] {
        let mut claims = claims();
        claims[field] = wrong;
        assert!(room.verifier.verify(&checked(&header(), &claims)).await.is_err(), "{field}");
    }
    let signature = format!(".{CHECKED_SIGNATURE}");
    for malformed in [
        "a.b.c.".to_owned() + CHECKED_SIGNATURE,
        signature.clone(),
        format!("e30{signature}"),
        format!("e30..{signature}"),
    ] {
        assert!(room.verifier.verify(&malformed).await.is_err(), "{malformed}");
    }
}

#[tokio::test]
async fn where_anyone_may_call_a_token_without_a_signature_is_refused() {
    let room = room().await;
    room.publish(&[("k0", &KEYS[0])]).await;
    let error = room.verifier.verify(&checked(&header(), &claims())).await.unwrap_err();
    assert!(matches!(error, OidcError::BadSignature | OidcError::Malformed(_)), "{error}");
}
