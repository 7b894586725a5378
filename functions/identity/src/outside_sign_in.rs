//! People of outside issuers, from their first token on.

use std::sync::Arc;
use std::time::Duration;

use access::outside::{OutsideIssuers, parse_issuers};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{Clock, OtpRequestId, Role, UserId};
use model::one_time::TokenKind;
use model::outside::OUTSIDE_TIES;
use model::sign_in::{OTP_INDEX, OTP_REQUESTS, otp_text};
use model::user::{USERS, User};
use serde_json::{Value, json};
use store::Counts;
use testkit::{Build, TestApp, TestRequest};
use web::Settings;

use crate::testing;

testkit::on_both_platforms! {
    builds;
    first_sight_makes_an_account, many_first_requests_make_one_account, later_news_are_followed,
    an_admins_change_holds_until_there_is_news, signing_out_ends_it, a_closed_account_stays_closed,
    an_account_with_the_same_address_is_anothers_unless_both_are_verified, who_cannot_be_placed_is_told,
    a_guarded_account_is_not_linked, a_linked_account_that_becomes_guarded_is_closed_to_the_issuer,
    their_accounts_get_no_password_and_no_code, a_role_taken_away_stays_away, half_an_answer_is_no_news,
    signing_in_here_can_be_switched_off, a_known_token_costs_nothing_more, an_idle_session_needs_a_new_token,
}

const SECRET: &str = "a secret that Laravel and we share, of 40+ bytes";
const ISSUER: &str = "https://laravel.example";
const LOGIN: &str = "https://laravel.example/login";
const ME: &str = "/api/v1/users/me";

/// An application that trusts Laravel, configured with `changes`.
async fn build(mut given: Build, changes: Value) -> TestApp {
    let mut issuer = json!({
        "issuer": ISSUER, "secretVariable": "LARAVEL_JWT_SECRET", "tenant": given.unique, "claims": {"role": "roles"},
        "roles": {"doctor": "Doctor", "nurse": "Nurse", "patient": "Patient", "admin": "ClinicAdmin"}, "signInUrl": LOGIN,
    });
    for (field, value) in changes.as_object().unwrap() {
        issuer[field] = value.clone();
    }
    let configs = parse_issuers(&json!([issuer]).to_string(), |_| Some(SECRET.to_owned())).unwrap();
    let clock: Arc<dyn Clock> = given.clock.clone();
    let client = connect::http::client(Duration::from_secs(1)).unwrap();
    given.settings = Settings { outside: OutsideIssuers::new(configs, &client, &clock), ..given.settings };
    TestApp::build(given, testing::with_recorder()).await
}

/// What Laravel says of a doctor, as of now.
fn claims(app: &TestApp, changes: &Value) -> Value {
    let now = app.app.now().as_secs();
    let mut claims = json!({
        "iss": ISSUER, "sub": 7, "iat": now, "exp": now + 3600, "jti": format!("j{now}"), "email": "ann@example.com",
        "email_verified": true, "name": "Ann Lee", "roles": ["doctor"],
    });
    for (field, value) in changes.as_object().unwrap() {
        claims[field] = value.clone();
    }
    claims
}

fn token(app: &TestApp, changes: Value) -> Value {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(app, &changes), &key).unwrap();
    json!({ "token": token })
}

fn get(app: &TestApp, token: &Value) -> TestRequest {
    testing::get_as(app, token, ME)
}

fn said(profile: &Value) -> Value {
    json!([profile["name"], profile["email"], profile["role"], profile["verified"]])
}

async fn first_sight_makes_an_account(given: Build) {
    let app = build(given, json!({})).await;
    let ann = get(&app, &token(&app, json!({}))).header("user-agent", "Firefox").expect(200).await;
    assert_eq!(said(&ann), json!(["Ann Lee", "ann@example.com", "Doctor", false]));
    app.clock.advance(Duration::from_secs(120));
    assert_eq!(get(&app, &token(&app, json!({}))).expect(200).await["id"], ann["id"], "the same person later");
    let other = get(&app, &token(&app, json!({"sub": "70", "email": "ben@example.com"}))).expect(200).await;
    assert_ne!(other["id"], ann["id"]);
    let register = json!({"name": "X", "email": "ann@example.com", "password": testing::PASSWORD, "role": "Patient"});
    app.post("/api/v1/auth/register").json(&register).refused(409, "DUPLICATE_ENTRY").await;
    let login = json!({"email": "ann@example.com", "password": "none"});
    app.post("/api/v1/auth/login").json(&login).refused(401, "UNAUTHORIZED").await;
    let entries = app.audit_log().await;
    let first = entries.iter().find(|entry| entry.action == "auth.outside-sign-in").unwrap();
    assert_eq!(first.user_agent.as_deref(), Some("Firefox"));
    assert_eq!(first.user_id.as_ref().unwrap().as_str(), ann["id"]);
    let admin = app.user(Role::Admin, "Ada").await;
    assert_eq!(app.get("/api/v1/users?search=lee").by(&admin).expect(200).await["pagination"]["total"], 2);
    for doc in app.store.query(&OUTSIDE_TIES, &OUTSIDE_TIES.all()).await.unwrap() {
        let text = format!("{} {}", doc.id, serde_json::to_string(&doc.value).unwrap());
        assert!(!text.contains("laravel") && !text.contains("ann"), "{text}");
    }
}

async fn many_first_requests_make_one_account(given: Build) {
    let app = build(given, json!({"verifiesStaff": true})).await;
    let token = token(&app, json!({}));
    let send = || get(&app, &token).send();
    let answers = tokio::join!(send(), send(), send(), send());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["verified"], true, "the issuer's word counts here");
    }
    assert_eq!(app.store.query(&USERS, &USERS.all()).await.unwrap().len(), 1);
}

async fn later_news_are_followed(given: Build) {
    let app = build(given, json!({"verifiesStaff": true})).await;
    let old = token(&app, json!({}));
    let ann = get(&app, &old).expect(200).await;
    app.clock.advance(Duration::from_secs(120));
    let news = json!({"name": "Maya Smith", "roles": ["wizard", "nurse"], "email": "smith@example.com"});
    let new = token(&app, news.clone());
    let changed = get(&app, &new).expect(200).await;
    assert_eq!(said(&changed), json!(["Maya Smith", "smith@example.com", "Nurse", true]));
    assert_eq!(changed["id"], ann["id"]);
    get(&app, &old).refused(401, "UNAUTHORIZED").await;
    assert_eq!(testing::changed_profiles(&app).await, [ann["id"].as_str().unwrap()]);
    assert_eq!(testing::ended_sessions(&app).await.len(), 1);
    get(&app, &new).expect(200).await;

    // The old address is free again and the new one is taken.
    let register = |email: &str| json!({"name": "X", "email": email, "password": testing::PASSWORD, "role": "Patient"});
    app.post("/api/v1/auth/register").json(&register("ann@example.com")).expect(201).await;
    app.post("/api/v1/auth/register").json(&register("smith@example.com")).refused(409, "DUPLICATE_ENTRY").await;
    // What was said before is no news.
    let before = app.app.now().as_secs() - 60;
    let late = token(&app, json!({"iat": before, "jti": "late"}));
    assert_eq!(get(&app, &late).expect(200).await["role"], "Nurse");
    let admin = app.user(Role::Admin, "Ada").await;
    for (search, found) in [("smith", 1), ("ann", 0), ("lee", 0)] {
        let list = app.get(&format!("/api/v1/users?search={search}&role=Nurse")).by(&admin).expect(200).await;
        assert_eq!(list["pagination"]["total"], found, "{search}");
    }
}

async fn an_admins_change_holds_until_there_is_news(given: Build) {
    let app = build(given, json!({})).await;
    let ann = get(&app, &token(&app, json!({}))).expect(200).await;
    let admin = app.user(Role::ClinicAdmin, "Ada").await;
    let path = format!("/api/v1/users/{}", ann["id"].as_str().unwrap());
    app.put(&path).by(&admin).json(&json!({"role": "Assistant", "verified": true})).expect(200).await;
    app.clock.advance(Duration::from_secs(120));
    let same = get(&app, &token(&app, json!({}))).expect(200).await;
    assert_eq!(said(&same), json!(["Ann Lee", "ann@example.com", "Assistant", true]));
    app.clock.advance(Duration::from_secs(120));
    let news = get(&app, &token(&app, json!({"roles": "nurse"}))).expect(200).await;
    assert_eq!(said(&news), json!(["Ann Lee", "ann@example.com", "Nurse", false]), "and waits for an admin again");
}

async fn signing_out_ends_it(given: Build) {
    let app = build(given, json!({})).await;
    let (laptop, phone) = (token(&app, json!({"sid": "laptop"})), token(&app, json!({"sid": "phone"})));
    get(&app, &laptop).expect(200).await;
    get(&app, &phone).expect(200).await;
    testing::request_as(&app, &laptop, Method::POST, "/api/v1/auth/logout").expect(200).await;
    get(&app, &laptop).refused(401, "UNAUTHORIZED").await;
    get(&app, &phone).expect(200).await;
    app.clock.advance(Duration::from_secs(120));
    get(&app, &token(&app, json!({"sid": "laptop"}))).refused(401, "UNAUTHORIZED").await;
    get(&app, &token(&app, json!({"sid": "laptop-2"}))).expect(200).await;
    let second = app.second_instance(testing::with_recorder()).await;
    get(&second, &laptop).refused(401, "UNAUTHORIZED").await;
    get(&second, &phone).expect(200).await;
}

async fn a_closed_account_stays_closed(given: Build) {
    let app = build(given, json!({})).await;
    let ann = get(&app, &token(&app, json!({}))).expect(200).await;
    let admin = app.user(Role::Admin, "Ada").await;
    let path = format!("/api/v1/users/{}", ann["id"].as_str().unwrap());
    app.delete(&format!("{path}?releaseAddress=true")).by(&admin).expect(200).await;
    get(&app, &token(&app, json!({}))).refused(401, "UNAUTHORIZED").await;
    app.clock.advance(Duration::from_secs(120));
    get(&app, &token(&app, json!({"name": "Ann Anew"}))).refused(401, "UNAUTHORIZED").await;
    let users = app.store.query(&USERS, &USERS.all()).await.unwrap();
    assert_eq!(users.len(), 2, "no second account");
}

async fn an_account_with_the_same_address_is_anothers_unless_both_are_verified(given: Build) {
    let app = build(given, json!({"linkByEmail": true})).await;
    let local = testing::register(&app, "ann@example.com", Role::Patient).await;
    // Whoever registered has not shown that the address is theirs.
    let apart = get(&app, &token(&app, json!({}))).expect(200).await;
    assert_ne!(apart["id"], local["data"]["id"]);

    let id = local["data"]["id"].as_str().unwrap();
    let now = app.app.now();
    change(&app, id, |user| user.sign_in.email_verified_at = Some(now)).await;
    let unverified = get(&app, &token(&app, json!({"sub": "8", "email_verified": false}))).expect(200).await;
    assert_ne!(unverified["id"], id);
    let linked = get(&app, &token(&app, json!({"sub": "9", "name": "Somebody"}))).expect(200).await;
    assert_eq!(said(&linked), json!(["Ann Lee", "ann@example.com", "Patient", true]), "it stays as it was");
    assert_eq!(linked["id"], id);
    app.clock.advance(Duration::from_secs(120));
    let later = get(&app, &token(&app, json!({"sub": "9", "name": "Somebody Else"}))).expect(200).await;
    assert_eq!((&later["id"], &later["name"]), (&json!(id), &json!("Ann Lee")));
}

async fn change(app: &TestApp, id: &str, change: impl Fn(&mut User)) {
    let changed = app.store.transact("test", async |tx| {
        let mut user = tx.get(&USERS, id).await?.unwrap().value;
        change(&mut user);
        tx.put(&USERS, id, &user)
    });
    changed.await.unwrap();
}

/// An account of ours with a verified address.
async fn verified_local(app: &TestApp, email: &str) -> (Value, String) {
    let local = testing::register(app, email, Role::Doctor).await;
    let id = local["data"]["id"].as_str().unwrap().to_owned();
    let now = app.app.now();
    change(app, &id, |user| user.sign_in.email_verified_at = Some(now)).await;
    (local, id)
}

async fn a_guarded_account_is_not_linked(given: Build) {
    let app = build(given, json!({"linkByEmail": true})).await;
    let (local, id) = verified_local(&app, "ann@example.com").await;
    testing::enable_mfa(&app, &local).await;
    let apart = get(&app, &token(&app, json!({}))).expect(200).await;
    assert_ne!(apart["id"], id, "past the second factor");
    let (_, admin) = verified_local(&app, "ada@example.com").await;
    change(&app, &admin, |user| (user.role, user.verified) = (Role::Admin, true)).await;
    let other = json!({"sub": "8", "email": "ada@example.com", "roles": ["patient"]});
    let apart = get(&app, &token(&app, other)).expect(200).await;
    assert_eq!((apart["id"] != admin, &apart["role"]), (true, &json!("Patient")), "to an administrator's rights");
    let (_, plain) = verified_local(&app, "ben@example.com").await;
    let ben = get(&app, &token(&app, json!({"sub": "9", "email": "ben@example.com"}))).expect(200).await;
    assert_eq!(ben["id"], plain);
}

async fn a_linked_account_that_becomes_guarded_is_closed_to_the_issuer(given: Build) {
    let app = build(given, json!({"linkByEmail": true})).await;
    let (local, id) = verified_local(&app, "ann@example.com").await;
    assert_eq!(get(&app, &token(&app, json!({}))).expect(200).await["id"], id);
    testing::enable_mfa(&app, &local).await;
    app.clock.advance(Duration::from_secs(120));
    get(&app, &token(&app, json!({}))).refused(401, "UNAUTHORIZED").await;
    change(&app, &id, |user| (user.sign_in.mfa, user.role) = (None, Role::Admin)).await;
    get(&app, &token(&app, json!({}))).refused(401, "UNAUTHORIZED").await;
    change(&app, &id, |user| user.role = Role::Doctor).await;
    get(&app, &token(&app, json!({}))).expect(200).await;
}

async fn their_accounts_get_no_password_and_no_code(given: Build) {
    let app = build(given, json!({})).await;
    let ann = get(&app, &token(&app, json!({}))).expect(200).await;
    let id: UserId = ann["id"].as_str().unwrap().parse().unwrap();
    app.post("/api/v1/auth/forgot-password").json(&json!({"email": "ann@example.com"})).expect(202).await;
    let asked = testing::request_code(&app, json!({"email": "ann@example.com"})).await;
    assert!(app.sent().await.is_empty());
    // Nor where such a token, or a code, is there all the same.
    let now = app.app.now();
    for kind in [TokenKind::ResetPassword, TokenKind::Invitation] {
        let made = accounts::OneTime::new(&app.app, &app.tenant, &id, kind);
        app.store.transact("test", async |tx| made.save(&tx)).await.unwrap();
        let link = made.link(&app.app, "page");
        let token = link.split("token=").nth(1).unwrap();
        let reset = json!({"token": token, "newPassword": "securePassword123"});
        app.post("/api/v1/auth/reset-password").json(&reset).refused(400, "VALIDATION_ERROR").await;
    }
    let blind = app.app.vault.blind_index(&app.store).await.unwrap();
    let request: OtpRequestId = asked.parse().unwrap();
    let hash = blind.exact(OTP_INDEX, &otp_text(&request, "123456"));
    let put = app.store.transact("test", async |tx| {
        let mut asked = tx.get(&OTP_REQUESTS, request.as_str()).await?.unwrap().value;
        (asked.user_id, asked.code_hash) = (Some(id.clone()), Some(hash.clone()));
        tx.put_until(&OTP_REQUESTS, request.as_str(), &asked, asked.expires_at)
    });
    put.await.unwrap();
    let verify = json!({"requestId": asked, "code": "123456"});
    app.post("/api/v1/auth/verify-otp").json(&verify).refused(401, "UNAUTHORIZED").await;
    let stored = app.store.get(&USERS, id.as_str()).await.unwrap().unwrap().value;
    assert_eq!((stored.password_hash.as_str(), stored.last_login_at), ("none", Some(now)));
}

async fn a_role_taken_away_stays_away(given: Build) {
    let app = build(given, json!({"verifiesStaff": true})).await;
    let ann = get(&app, &token(&app, json!({}))).expect(200).await;
    let admin = app.user(Role::ClinicAdmin, "Ada").await;
    let path = format!("/api/v1/users/{}", ann["id"].as_str().unwrap());
    app.put(&path).by(&admin).json(&json!({"role": "Patient"})).expect(200).await;
    for (changes, name) in [
        (json!({"name": "Ann Smith"}), "Ann Smith"),
        (json!({"name": "Ann Jones", "roles": ["wizard"]}), "Ann Jones"),
        (json!({"name": "Ann Brown"}), "Ann Brown"),
    ] {
        app.clock.advance(Duration::from_secs(120));
        let now = get(&app, &token(&app, changes)).expect(200).await;
        assert_eq!((&now["name"], &now["role"]), (&json!(name), &json!("Patient")));
    }
    app.clock.advance(Duration::from_secs(120));
    let nurse = get(&app, &token(&app, json!({"roles": ["nurse"]}))).expect(200).await;
    assert_eq!((&nurse["role"], &nurse["verified"]), (&json!("Nurse"), &json!(true)), "the issuer decided anew");
}

async fn half_an_answer_is_no_news(given: Build) {
    // Nobody listens there.
    let app = build(given, json!({"userEndpoint": {"url": "http://127.0.0.1:1/{sub}"}})).await;
    let ann = get(&app, &token(&app, json!({}))).expect(200).await;
    app.clock.advance(Duration::from_secs(120));
    let later = json!({"name": "Ann Smith", "roles": ["nurse"], "email": "smith@example.com"});
    assert_eq!(said(&get(&app, &token(&app, later)).expect(200).await), said(&ann));
}

async fn who_cannot_be_placed_is_told(given: Build) {
    let app = build(given, json!({})).await;
    let refused = async |changes: Value, status: u16| {
        let answer = get(&app, &token(&app, changes)).send().await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        answer.body["error"].clone()
    };
    refused(json!({"roles": ["wizard"]}), 403).await;
    refused(json!({"email": null}), 403).await;
    let expired = refused(json!({"exp": 1}), 401).await;
    assert_eq!(expired["details"]["signInUrl"], LOGIN);
    refused(json!({"aud": "another"}), 401).await;
    refused(json!({"iss": "https://stranger.example"}), 401).await;
    assert!(app.store.query(&USERS, &USERS.all()).await.unwrap().is_empty());
    let unverified = get(&app, &token(&app, json!({"email_verified": false}))).expect(200).await;
    assert_eq!(unverified["email"], "ann@example.com");
    let register = json!({"name": "X", "email": "ann@example.com", "password": testing::PASSWORD, "role": "Patient"});
    app.post("/api/v1/auth/register").json(&register).expect(201).await;
}

async fn signing_in_here_can_be_switched_off(mut given: Build) {
    given.settings.built_in_sign_in = false;
    let app = build(given, json!({"verifiesStaff": true})).await;
    for operation in ["login", "register", "refresh", "forgot-password", "enable-mfa", "request-otp"] {
        let answer = app.post(&format!("/api/v1/auth/{operation}")).json(&json!({})).send().await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (403, &json!("FORBIDDEN")), "{operation}");
        assert_eq!(answer.body["error"]["details"]["signInUrl"], LOGIN);
    }
    let admin = token(&app, json!({"roles": ["admin"]}));
    get(&app, &admin).expect(200).await;
    let invite = json!({"name": "X", "email": "x@example.com", "role": "Nurse"});
    testing::request_as(&app, &admin, Method::POST, "/api/v1/users").json(&invite).refused(403, "FORBIDDEN").await;
    testing::get_as(&app, &admin, "/api/v1/auth/sessions").expect(200).await;
    testing::request_as(&app, &admin, Method::POST, "/api/v1/auth/logout").expect(200).await;
}

async fn a_known_token_costs_nothing_more(given: Build) {
    let app = build(given, json!({})).await;
    let token = token(&app, json!({}));
    get(&app, &token).expect(200).await;
    get(&app, &token).expect(200).await;
    let before = app.store.meter().counts();
    get(&app, &token).expect(200).await;
    assert_eq!(app.store.meter().counts() - before, Counts { gets: 1, documents_read: 1, ..Counts::default() });
}

async fn an_idle_session_needs_a_new_token(given: Build) {
    let app = build(given, json!({})).await;
    let first = token(&app, json!({"sid": "s"}));
    get(&app, &first).expect(200).await;
    app.clock.advance(Duration::from_secs(31 * 60));
    get(&app, &first).refused(401, "UNAUTHORIZED").await;
    let fresh = token(&app, json!({"sid": "s"}));
    get(&app, &fresh).expect(200).await;
}

#[test]
fn the_readmes_samples_are_read() {
    let readme = include_str!("../README.md");
    let samples: Vec<&str> = readme.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(samples.len(), 2);
    for sample in samples {
        parse_issuers(sample, |_| Some(SECRET.to_owned())).unwrap();
    }
}
