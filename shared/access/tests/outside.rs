//! Which tokens of outside issuers are accepted, against providers of our own that behave badly in every known way.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::sync::{Arc, LazyLock};

use access::outside::{OutsideError, OutsideIssuers, Outsider, parse_issuers};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{HeldClock, START, jwt};
use kernel::{Clock, Role};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const AUDIENCE: &str = "consentmd";
const SECRET: &str = "a secret that Laravel and we share, of 40+ bytes";

static KEYS: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
static CURVE: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

/// A provider, and who trusts it.
struct Provider {
    server: MockServer,
    clock: Arc<HeldClock>,
    issuers: OutsideIssuers,
}

/// A provider with published keys, configured with `changes`.
async fn provider_with(changes: Value) -> Provider {
    let server = MockServer::start().await;
    let clock = HeldClock::new();
    let mut issuer = json!({
        "issuer": "https://idp.example", "audience": AUDIENCE, "jwksUrl": format!("{}/jwks", server.uri()),
        "tenant": "clinic", "roles": {"doctor": "Doctor", "nurse": "Nurse"}, "defaultRole": "Patient",
    });
    for (field, value) in changes.as_object().unwrap() {
        let text = value.to_string().replace("SERVER", &server.uri());
        issuer[field] = serde_json::from_str(&text).unwrap();
    }
    // A shared secret has other keys than published ones.
    if !issuer["secretVariable"].is_null() {
        issuer["jwksUrl"] = Value::Null;
    }
    #[expect(clippy::disallowed_methods, reason = "a test server on this machine needs no timeouts")]
    let client = reqwest::Client::new();
    let configs = parse_issuers(&json!([issuer]).to_string(), |_| Some(SECRET.to_owned())).unwrap();
    let held: Arc<dyn Clock> = clock.clone();
    let issuers = OutsideIssuers::new(configs, &client, &held);
    let provider = Provider { server, clock, issuers };
    provider.publish(&[("k0", &KEYS[0])]).await;
    provider
}

async fn provider() -> Provider {
    provider_with(json!({})).await
}

impl Provider {
    /// From now on these are the keys.
    async fn publish(&self, keys: &[(&str, &RsaKeyPair)]) {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = |(id, pair): &(&str, &RsaKeyPair)| {
            let public = pair.public_key();
            json!({
                "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
                "n": encoded(public.modulus().big_endian_without_leading_zero()),
                "e": encoded(public.exponent().big_endian_without_leading_zero()),
            })
        };
        let mut all: Vec<Value> = keys.iter().map(jwk).collect();
        let point = CURVE.public_key().as_ref();
        all.push(json!({"kty": "EC", "crv": "P-256", "kid": "curve", "x": encoded(&point[1..33]), "y": encoded(&point[33..])}));
        self.server.reset().await;
        let set = ResponseTemplate::new(200).set_body_json(json!({ "keys": all }));
        Mock::given(method("GET")).and(path("/jwks")).respond_with(set).mount(&self.server).await;
    }

    async fn fetches(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == "/jwks").count()
    }

    async fn verify(&self, token: &str) -> Result<Option<Outsider>, OutsideError> {
        self.issuers.verify(token).await
    }

    async fn accepts(&self, token: &str) -> Outsider {
        self.verify(token).await.unwrap().unwrap()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://idp.example", "aud": AUDIENCE, "sub": "u-7", "email": "Ann@Example.com", "email_verified": true,
        "name": "Ann Lee", "role": "doctor", "iat": START, "exp": START + 3600,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn rs256(pair: &RsaKeyPair) -> impl Fn(&[u8]) -> Vec<u8> {
    |message| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn signed(claims: &Value) -> String {
    jwt(&json!({"alg": "RS256", "typ": "JWT", "kid": "k0"}), claims, rs256(&KEYS[0]))
}

#[tokio::test]
async fn a_good_token_tells_of_its_person_in_our_words() {
    let provider = provider().await;
    for _ in 0..3 {
        let ann = provider.accepts(&signed(&claims())).await;
        assert_eq!((ann.subject.as_str(), ann.tenant.as_str(), ann.role), ("u-7", "clinic", Some(Role::Doctor)));
        assert_eq!((ann.email.unwrap().disclose(), ann.email_verified), ("ann@example.com", true));
        assert_eq!(ann.name.unwrap().disclose(), "Ann Lee");
        assert_eq!((ann.sign_in.as_str(), ann.expires_at.as_secs()), ("iat:1700000000", START + 3600));
    }
    assert_eq!(provider.fetches().await, 1, "keys are kept");
    assert_eq!(provider.accepts(&signed(&with("sid", json!("s1")))).await.sign_in, "sid:s1");
    assert_eq!(provider.accepts(&signed(&with("jti", json!("j1")))).await.sign_in, "jti:j1");
    assert!(provider.accepts(&signed(&with("aud", json!(["other", AUDIENCE])))).await.role.is_some());
    let unknown = provider.accepts(&signed(&with("role", json!("wizard")))).await;
    assert_eq!((unknown.role, unknown.default_role), (None, Some(Role::Patient)));
    let many = provider.accepts(&signed(&with("role", json!(["wizard", "nurse", "doctor"])))).await;
    assert_eq!(many.role, Some(Role::Nurse), "the first that is known");
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused() {
    let provider = provider().await;
    let refused = async |claims: Value| provider.verify(&signed(&claims)).await.unwrap_err();
    assert!(matches!(refused(with("aud", json!("other"))).await, OutsideError::WrongAudience));
    assert!(matches!(refused(with("aud", json!(null))).await, OutsideError::WrongAudience));
    assert!(matches!(refused(with("exp", json!(START))).await, OutsideError::Expired));
    assert!(matches!(refused(with("exp", json!(null))).await, OutsideError::Malformed(_)));
    assert!(matches!(refused(with("iat", json!(START + 31))).await, OutsideError::NotYetValid));
    assert!(matches!(refused(with("iat", json!(null))).await, OutsideError::Malformed(_)));
    assert!(matches!(refused(with("nbf", json!(START + 31))).await, OutsideError::NotYetValid));
    assert!(matches!(refused(with("nbf", json!("soon"))).await, OutsideError::Malformed(_)));
    assert!(matches!(refused(with("sub", json!(""))).await, OutsideError::Malformed(_)));
    assert!(matches!(refused(with("sub", json!("x".repeat(256)))).await, OutsideError::Malformed(_)));
    let slow_clock = provider.verify(&signed(&with("iat", json!(START + 30)))).await;
    assert!(slow_clock.unwrap().is_some(), "clocks differ by a little");
    assert!(provider.accepts(&signed(&with("exp", json!(START as f64 + 0.5 + 3600.0)))).await.role.is_some());
    assert!(provider.verify(&signed(&with("iss", json!("https://other.example")))).await.unwrap().is_none());
    for text in ["", "a.b", "a.b.c", "....", &"x".repeat(9000)] {
        assert!(provider.verify(text).await.unwrap().is_none(), "{text}");
    }
}

#[tokio::test]
async fn the_algorithm_is_never_the_tokens_choice() {
    let provider = provider().await;
    let none = jwt(&json!({"alg": "none", "kid": "k0"}), &claims(), |_| Vec::new());
    assert!(matches!(provider.verify(&none).await, Err(OutsideError::WrongAlgorithm)));
    // The public key taken for a secret: as the PEM and as the JWK's modulus.
    let public = KEYS[0].public_key();
    let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
    for secret in [public.as_ref(), modulus.as_bytes()] {
        let confused = jwt(&json!({"alg": "HS256", "kid": "k0"}), &claims(), hs256(secret));
        assert!(matches!(provider.verify(&confused).await, Err(OutsideError::WrongAlgorithm)));
        let claimed = jwt(&json!({"alg": "RS256", "kid": "k0"}), &claims(), hs256(secret));
        assert!(matches!(provider.verify(&claimed).await, Err(OutsideError::BadSignature)));
    }
    let curve = jwt(&json!({"alg": "ES256", "kid": "curve"}), &claims(), |m| {
        CURVE.sign(&SystemRandom::new(), m).unwrap().as_ref().to_vec()
    });
    assert!(matches!(provider.verify(&curve).await, Err(OutsideError::WrongAlgorithm)));
    let critical = jwt(&json!({"alg": "RS256", "kid": "k0", "crit": ["b64"]}), &claims(), rs256(&KEYS[0]));
    assert!(matches!(provider.verify(&critical).await, Err(OutsideError::Malformed(_))));
    let nameless = jwt(&json!({"alg": "RS256"}), &claims(), rs256(&KEYS[0]));
    assert!(matches!(provider.verify(&nameless).await, Err(OutsideError::Malformed(_))));
    let forged = jwt(&json!({"alg": "RS256", "kid": "k0"}), &claims(), rs256(&KEYS[1]));
    assert!(matches!(provider.verify(&forged).await, Err(OutsideError::BadSignature)));

    let elliptic = provider_with(json!({"algorithm": "ES256"})).await;
    assert!(elliptic.accepts(&curve).await.role.is_some());
    assert!(matches!(elliptic.verify(&signed(&claims())).await, Err(OutsideError::WrongAlgorithm)));
}

#[tokio::test]
async fn keys_rotate_and_unknown_ones_ask_once() {
    let provider = provider().await;
    provider.accepts(&signed(&claims())).await;
    provider.publish(&[("k1", &KEYS[1])]).await;
    provider.clock.advance_secs(61);
    let rotated = jwt(&json!({"alg": "RS256", "kid": "k1"}), &claims(), rs256(&KEYS[1]));
    assert!(provider.accepts(&rotated).await.role.is_some());
    let made_up = |n: u32| jwt(&json!({"alg": "RS256", "kid": format!("x{n}")}), &claims(), rs256(&KEYS[1]));
    let storm: Vec<String> = (0..50).map(made_up).collect();
    let answers = futures::future::join_all(storm.iter().map(|token| provider.verify(token))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(OutsideError::UnknownKey))));
    assert_eq!(provider.fetches().await, 1, "the fetch for the rotated key, and none for made-up ones");
    assert!(matches!(provider.verify(&signed(&claims())).await, Err(OutsideError::UnknownKey)), "the old key is gone");
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_no_refusal() {
    let provider = provider().await;
    provider.server.reset().await;
    let error = provider.verify(&signed(&claims())).await.unwrap_err();
    assert!(matches!(error, OutsideError::KeysUnavailable(_)), "{error}");
}

#[tokio::test]
async fn a_shared_secret_is_hs256_and_needs_no_audience() {
    let provider = provider_with(json!({"secretVariable": "S", "audience": null, "claims": {"role": "roles"}})).await;
    let mut plain = claims();
    plain.as_object_mut().unwrap().remove("aud");
    plain["roles"] = json!(["doctor"]);
    let token =
        |claims: &Value, secret: &str| jwt(&json!({"alg": "HS256", "typ": "JWT"}), claims, hs256(secret.as_bytes()));
    assert_eq!(provider.accepts(&token(&plain, SECRET)).await.role, Some(Role::Doctor));
    assert!(matches!(provider.verify(&token(&plain, "guessed")).await, Err(OutsideError::BadSignature)));
    let for_others = provider.verify(&token(&claims(), SECRET)).await;
    assert!(matches!(for_others, Err(OutsideError::WrongAudience)), "it names somebody, and nobody is configured");
    assert!(matches!(provider.verify(&signed(&plain)).await, Err(OutsideError::WrongAlgorithm)));
}

#[tokio::test]
async fn an_issuer_speaks_for_its_own_tenants_only() {
    let provider = provider_with(json!({"tenant": null, "tenantClaim": "tid", "tenants": ["north", "south"]})).await;
    assert_eq!(provider.accepts(&signed(&with("tid", json!("south")))).await.tenant.as_str(), "south");
    for tid in [json!("east"), json!(null), json!(7), json!("../north")] {
        assert!(matches!(provider.verify(&signed(&with("tid", tid))).await, Err(OutsideError::WrongTenant)));
    }
}

#[tokio::test]
async fn a_user_endpoint_tells_what_a_token_lacks() {
    let provider = provider_with(json!({"userEndpoint": {"url": "SERVER/api/users/{sub}", "cacheSeconds": 60}})).await;
    let bare = json!({"iss": "https://idp.example", "aud": AUDIENCE, "sub": "u/7", "iat": START, "exp": START + 3600});
    let token = signed(&bare);
    let answer = async |response: ResponseTemplate| {
        provider.publish(&[("k0", &KEYS[0])]).await;
        Mock::given(path("/api/users/u%2F7"))
            .and(header("authorization", format!("Bearer {token}").as_str()))
            .respond_with(response)
            .mount(&provider.server)
            .await;
    };
    let told =
        json!({"data": {"email": "ann@example.com", "name": "Ann Lee", "role": "nurse", "email_verified": "true"}});
    answer(ResponseTemplate::new(200).set_body_json(&told)).await;
    for _ in 0..3 {
        let ann = provider.accepts(&token).await;
        assert_eq!((ann.name.unwrap().disclose().as_str(), ann.role), ("Ann Lee", Some(Role::Nurse)));
        assert!(ann.email_verified && ann.is_complete);
    }
    let asked = provider.server.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path().starts_with("/api/users")).count(), 1, "it is kept");

    // While it fails, the token alone counts.
    provider.clock.advance_secs(61);
    for failing in
        [ResponseTemplate::new(500), ResponseTemplate::new(302), ResponseTemplate::new(200).set_body_string("<html>")]
    {
        answer(failing).await;
        let ann = provider.accepts(&token).await;
        assert!(ann.name.is_none() && ann.role.is_none() && ann.email.is_none() && !ann.is_complete);
    }
    answer(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 100_000])).await;
    assert!(provider.accepts(&token).await.name.is_none());
    // Where it no longer takes the token, nor do we.
    answer(ResponseTemplate::new(401)).await;
    assert!(matches!(provider.verify(&token).await, Err(OutsideError::Withdrawn)));
}
