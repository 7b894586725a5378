//! Which access tokens are accepted, and which are not.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use access::Principal;
use access::token::{SigningFailed, SigningKeys, SigningKeysError, TokenError, Tokens, VerifyingKeys};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Seeded, at, jwt, part};
use kernel::Role;
use proptest::prelude::*;
use serde_json::{Value, json};

const LIFETIME: std::time::Duration = std::time::Duration::from_secs(900);

fn principal() -> Principal {
    Principal {
        user: "u1".parse().unwrap(),
        tenant: "clinic".parse().unwrap(),
        role: Role::Doctor,
        session: "s1".parse().unwrap(),
        verified: true,
    }
}

fn tokens_of(pem: &str) -> Tokens {
    Tokens::new(SigningKeys::from_pem(pem).unwrap(), Seeded::new(1))
}

/// Tokens, and the key they sign with in other hands.
fn tokens_and_key() -> (Tokens, EcdsaKeyPair, String) {
    let pem = SigningKeys::generate().unwrap().to_pem().to_string();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let pkcs8 = STANDARD.decode(body).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
    (tokens_of(&pem), pair, pem)
}

fn es256(pair: &EcdsaKeyPair) -> impl Fn(&[u8]) -> Vec<u8> {
    |message| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

#[test]
fn a_token_tells_who_asks_until_it_expires() {
    let (tokens, ..) = tokens_and_key();
    let token = tokens.issue(&principal(), at(0)).unwrap();
    for seconds in [-30, 0, 899] {
        assert_eq!(tokens.verify(&token, at(seconds)), Ok(principal()), "{seconds}");
    }
    assert_eq!(tokens.verify(&token, at(900)), Err(TokenError::Expired));
    assert_eq!(tokens.verify(&token, at(-31)), Err(TokenError::Invalid));
}

#[test]
fn a_token_holds_ids_and_nothing_personal() {
    let (tokens, ..) = tokens_and_key();
    let token = tokens.issue(&principal(), at(0)).unwrap();
    let mut claims = part(&token, 1);
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let expected = json!({
        "iss": "consentmd", "aud": "consentmd", "sub": "u1", "tid": "clinic", "sid": "s1", "role": "Doctor",
        "verified": true, "iat": common::START, "exp": common::START + 900,
    });
    assert_eq!(claims, expected);
    let jwks = tokens.jwks();
    assert_eq!(part(&token, 0), json!({"typ": "JWT", "alg": "ES256", "kid": jwks["keys"][0]["kid"]}));
    assert_ne!(part(&tokens.issue(&principal(), at(0)).unwrap(), 1)["jti"], id);
}

#[test]
fn a_statement_says_what_kind_it_is_and_is_no_token() {
    let (tokens, pair, _) = tokens_and_key();
    let said = json!({"subjectKey": "patient_p1", "exp": 1});
    let statement = tokens.sign_statement("consentmd-shred+jwt", &said).unwrap();
    let header = json!({"typ": "consentmd-shred+jwt", "alg": "ES256", "kid": tokens.jwks()["keys"][0]["kid"]});
    assert_eq!((part(&statement, 0), part(&statement, 1)), (header.clone(), said.clone()));
    assert_eq!(tokens.verify_statement("consentmd-shred+jwt", &statement), Ok(said), "it does not expire");
    assert_eq!(tokens.verify_statement("other", &statement), Err(TokenError::Invalid));
    let (other, ..) = tokens_and_key();
    assert_eq!(other.verify_statement("consentmd-shred+jwt", &statement), Err(TokenError::Invalid));
    assert_eq!(tokens.verify_statement("consentmd-shred+jwt", &statement[1..]), Err(TokenError::Invalid));

    let token = tokens.issue(&principal(), at(0)).unwrap();
    assert_eq!(tokens.verify_statement("consentmd-shred+jwt", &token), Err(TokenError::Invalid));
    let posing = jwt(&header, &part(&token, 1), es256(&pair));
    assert_eq!(tokens.verify(&posing, at(1)), Err(TokenError::Invalid), "the claims of a token in a statement");
}

#[test]
fn only_our_claims_are_accepted() {
    let (tokens, pair, _) = tokens_and_key();
    let token = tokens.issue(&principal(), at(0)).unwrap();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let with = |field: &str, value: Value| {
        let mut claims = claims.clone();
        claims[field] = value;
        tokens.verify(&jwt(&header, &claims, es256(&pair)), at(1))
    };
    assert_eq!(with("extra", json!("ignored")), Ok(principal()));
    assert_eq!(with("nbf", json!(common::START + 31)), Ok(principal()));
    assert_eq!(with("nbf", json!(common::START + 32)), Err(TokenError::Invalid));
    for (field, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["consentmd", "other"])),
        ("aud", Value::Null),
        ("sub", json!("../u1")),
        ("tid", json!("")),
        ("sid", Value::Null),
        ("role", json!("Root")),
        ("verified", json!("true")),
        ("iat", json!(common::START + 32)),
        ("iat", Value::Null),
        ("exp", json!("later")),
        ("exp", Value::Null),
        ("exp", json!(i64::MAX as f64 * 4.0)),
    ] {
        assert_eq!(with(field, value.clone()), Err(TokenError::Invalid), "{field}: {value}");
    }
    assert_eq!(with("exp", json!(0)), Err(TokenError::Expired));
}

#[test]
fn another_algorithm_or_key_is_refused() {
    let (tokens, pair, pem) = tokens_and_key();
    let token = tokens.issue(&principal(), at(0)).unwrap();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let with = |field: &str, value: Value| {
        let mut header = header.clone();
        header[field] = value;
        header
    };
    let verify = |token: &str| tokens.verify(token, at(1));
    assert_eq!(verify(&jwt(&header, &claims, es256(&pair))), Ok(principal()), "the forger's tools work");

    for alg in ["none", "None", "HS256", "RS256", "ES384", "EdDSA"] {
        let unsigned = jwt(&with("alg", json!(alg)), &claims, |_| Vec::new());
        assert_eq!(verify(&unsigned), Err(TokenError::Invalid), "{alg}");
        let signed = jwt(&with("alg", json!(alg)), &claims, es256(&pair));
        assert_eq!(verify(&signed), Err(TokenError::Invalid), "{alg}");
    }
    // The public key as an HMAC secret, in the forms that libraries have fallen for.
    let public_pem = SigningKeys::from_pem(&pem).unwrap().public_pem();
    for secret in [public_pem.as_bytes(), tokens.jwks().to_string().as_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let forged = jwt(&with("alg", json!("HS256")), &claims, |message| hmac::sign(&key, message).as_ref().to_vec());
        assert_eq!(verify(&forged), Err(TokenError::Invalid));
    }
    let (_, other_pair, _) = tokens_and_key();
    assert_eq!(verify(&jwt(&header, &claims, es256(&other_pair))), Err(TokenError::Invalid));
    for kid in [json!("other"), Value::Null] {
        assert_eq!(verify(&jwt(&with("kid", kid), &claims, es256(&pair))), Err(TokenError::Invalid));
    }
    assert_eq!(verify(&jwt(&with("crit", json!(["x"])), &claims, es256(&pair))), Err(TokenError::Invalid));
    assert_eq!(verify(&"a".repeat(100_000)), Err(TokenError::Invalid));
}

#[test]
fn old_keys_verify_after_rotation_until_they_are_taken_away() {
    let (old, _, old_pem) = tokens_and_key();
    let (_, _, new_pem) = tokens_and_key();
    let token = old.issue(&principal(), at(0)).unwrap();
    let old_public = SigningKeys::from_pem(&old_pem).unwrap().public_pem();
    for older in [&old_pem, &old_public] {
        let rotated = tokens_of(&format!("{new_pem}{older}"));
        assert_eq!(rotated.verify(&token, at(1)), Ok(principal()));
        assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 2);
        let fresh = rotated.issue(&principal(), at(0)).unwrap();
        assert_eq!(tokens_of(&new_pem).verify(&fresh, at(1)), Ok(principal()));
        assert_eq!(old.verify(&fresh, at(1)), Err(TokenError::Invalid));
    }
    assert_eq!(tokens_of(&new_pem).verify(&token, at(1)), Err(TokenError::Invalid));
}

#[test]
fn public_keys_check_and_sign_nothing() {
    let (tokens, _, pem) = tokens_and_key();
    let token = tokens.issue(&principal(), at(0)).unwrap();
    let public = SigningKeys::from_pem(&pem).unwrap().public_pem();
    for checking in [
        Tokens::verifying(VerifyingKeys::from_pem(&public).unwrap(), Seeded::new(2)),
        Tokens::verifying(VerifyingKeys::from_pem(&pem).unwrap(), Seeded::new(2)),
        tokens.without_signing(),
    ] {
        assert_eq!(checking.verify(&token, at(1)), Ok(principal()));
        assert_eq!(checking.jwks(), tokens.jwks());
        assert!(!checking.can_sign());
        assert!(matches!(checking.issue(&principal(), at(0)), Err(SigningFailed::NoKey)));
        assert!(matches!(checking.sign_statement("x+jwt", &json!({})), Err(SigningFailed::NoKey)));
    }
    for nothing in ["", &public.replace("PUBLIC", "STATEMENT PUBLIC")] {
        assert!(matches!(VerifyingKeys::from_pem(nothing), Err(SigningKeysError::NoPublic)));
    }
}

#[test]
fn a_former_key_checks_statements_and_no_token() {
    let (old, _, old_pem) = tokens_and_key();
    let (_, _, new_pem) = tokens_and_key();
    let token = old.issue(&principal(), at(0)).unwrap();
    let statement = old.sign_statement("consentmd-test+jwt", &json!({"said": 1})).unwrap();
    let former = SigningKeys::from_pem(&old_pem).unwrap().public_pem().replace("PUBLIC KEY", "STATEMENT PUBLIC KEY");
    let rotated = tokens_of(&format!("{new_pem}{former}"));
    assert_eq!(rotated.verify(&token, at(1)), Err(TokenError::Invalid));
    assert_eq!(rotated.verify_statement("consentmd-test+jwt", &statement), Ok(json!({"said": 1})));
    assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn other_issuers_tokens_under_the_same_key_are_refused() {
    let (ours, _, pem) = tokens_and_key();
    let keys = || SigningKeys::from_pem(&pem).unwrap();
    for (issuer, audience) in [("other", "consentmd"), ("consentmd", "media")] {
        let theirs = Tokens::with(keys(), Seeded::new(2), issuer, audience, LIFETIME);
        let token = theirs.issue(&principal(), at(0)).unwrap();
        assert_eq!(theirs.verify(&token, at(1)), Ok(principal()));
        assert_eq!(ours.verify(&token, at(1)), Err(TokenError::Invalid));
    }
}

#[test]
fn wrong_keys_say_what_is_wrong() {
    let keys = SigningKeys::generate().unwrap();
    let (pem, public) = (keys.to_pem().to_string(), keys.public_pem());
    assert!(matches!(SigningKeys::from_pem(""), Err(SigningKeysError::None)));
    assert!(matches!(SigningKeys::from_pem(&public), Err(SigningKeysError::FirstIsPublic { .. })));
    for damaged in [pem.replace("PRIVATE", "EC PRIVATE"), pem.replacen("MIG", "MIH", 1), pem.replacen('A', "*", 1)] {
        let error = SigningKeys::from_pem(&damaged).unwrap_err();
        assert!(matches!(error, SigningKeysError::Unusable { number: 1, .. }), "{error}");
    }
    let second = SigningKeys::from_pem(&format!("{pem}{}", public.replace("MFk", "MFl"))).unwrap_err();
    assert!(second.to_string().starts_with("signing key 2"), "{second}");
    let shown = format!("{keys:?}");
    assert!(pem.lines().skip(1).all(|line| !shown.contains(line)), "{shown}");
}

#[test]
fn the_key_id_is_the_thumbprint_that_others_compute() {
    let (tokens, ..) = tokens_and_key();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(tokens.jwks()["keys"][0].clone()).unwrap();
    let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
    assert_eq!(tokens.jwks()["keys"][0]["kid"], thumbprint);
}

proptest! {
    #[test]
    fn any_change_makes_a_token_invalid(at_byte: prop::sample::Index, bit in 0_u8..7) {
        let (tokens, ..) = tokens_and_key();
        let token = tokens.issue(&principal(), at(0)).unwrap();
        let mut bytes = token.into_bytes();
        let index = at_byte.index(bytes.len());
        bytes[index] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(tokens.verify(&changed, at(1)), Err(TokenError::Invalid));
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "[A-Za-z0-9_.-]{0,80}|.{0,80}") {
        let (tokens, ..) = tokens_and_key();
        prop_assert_eq!(tokens.verify(&text, at(1)), Err(TokenError::Invalid));
    }
}
