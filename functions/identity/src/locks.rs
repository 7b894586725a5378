//! Whoever guesses is slowed down, on all instances; whose account it is gets in all the same.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Build, TestApp, TestResponse};
use web::Settings;

use crate::testing::{self, PASSWORD};

testkit::on_both_platforms! {
    builds;
    five_failures_lock_the_account_everywhere, locks_grow_to_a_quarter_of_an_hour, a_lock_is_for_strangers,
    an_address_is_locked_after_twenty, an_account_that_is_none_is_locked_alike, a_new_password_ends_a_lock,
    a_success_forgets_failures, a_known_network_tells_nothing, a_success_takes_back_its_own_failures,
    strangers_use_up_their_own_allowance, guesses_at_once_are_counted,
}

const ANN: &str = "ann@example.com";
const HOME: &str = "203.0.113.7";

async fn app(build: Build) -> TestApp {
    let settings = Settings { trusted_proxies: 1, ..Settings::default() };
    let app = TestApp::build(Build { settings, ..build }, vec![crate::function()]).await;
    let body = json!({"name": "Ann Lee", "email": ANN, "password": PASSWORD, "role": "Patient"});
    app.post("/api/v1/auth/register").header("x-forwarded-for", HOME).json(&body).expect(201).await;
    app.settle().await;
    app
}

async fn login(app: &TestApp, from: &str, email: &str, password: &str) -> TestResponse {
    let body = json!({"email": email, "password": password});
    app.post("/api/v1/auth/login").header("x-forwarded-for", from).json(&body).send().await
}

async fn fail(app: &TestApp, from: &str, email: &str) -> u16 {
    login(app, from, email, "not this one").await.status.as_u16()
}

/// The status, and how long to wait.
fn told(answer: &TestResponse) -> (u16, &str) {
    (answer.status.as_u16(), answer.headers.get("retry-after").map_or("", |value| value.to_str().unwrap()))
}

/// The n-th of many addresses.
fn stranger(n: u32) -> String {
    format!("198.51.100.{n}")
}

async fn five_failures_lock_the_account_everywhere(build: Build) {
    let app = app(build).await;
    let elsewhere = app.second_instance(vec![crate::function()]).await;
    for n in 0..5 {
        let instance = if n % 2 == 0 { &app } else { &elsewhere };
        assert_eq!(fail(instance, &stranger(n), ANN).await, 401);
    }
    for instance in [&app, &elsewhere] {
        let locked = login(instance, &stranger(9), ANN, PASSWORD).await;
        assert_eq!((told(&locked), &locked.body["error"]["code"]), ((429, "30"), &json!("RATE_LIMITED")));
    }
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(told(&login(&elsewhere, &stranger(9), ANN, PASSWORD).await).0, 200);
    let reasons: Vec<Option<String>> =
        testing::audit(&app, "auth.login").await.into_iter().map(|e| e.refusal).collect();
    let count = |reason: &str| reasons.iter().flatten().filter(|refusal| *refusal == reason).count();
    assert_eq!((count("wrong-password"), count("locked")), (5, 2));
    assert_eq!(testing::audit(&app, "auth.locked").await.len(), 1);
}

async fn locks_grow_to_a_quarter_of_an_hour(build: Build) {
    let app = app(build).await;
    for n in 0..5 {
        fail(&app, &stranger(n), ANN).await;
    }
    for (n, seconds) in ["30", "60", "120", "240", "480", "900", "900"].into_iter().enumerate() {
        let from = stranger(u32::try_from(n).unwrap() + 10);
        assert_eq!(told(&login(&app, &from, ANN, PASSWORD).await), (429, seconds));
        app.clock.advance(Duration::from_secs(seconds.parse().unwrap()));
        assert_eq!(fail(&app, &from, ANN).await, 401);
    }
    app.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(fail(&app, &stranger(1), ANN).await, 401);
    assert_eq!(told(&login(&app, &stranger(1), ANN, PASSWORD).await).0, 200, "it is forgotten");
}

async fn a_lock_is_for_strangers(build: Build) {
    let app = app(build).await;
    for n in 0..9 {
        fail(&app, &stranger(n), ANN).await;
    }
    assert_eq!(told(&login(&app, &stranger(0), ANN, PASSWORD).await).0, 429);
    assert_eq!(told(&login(&app, HOME, ANN, PASSWORD).await).0, 200, "from where she has signed in before");
}

async fn an_address_is_locked_after_twenty(build: Build) {
    let app = app(build).await;
    for n in 0..20 {
        assert_eq!(fail(&app, &stranger(1), &format!("guess{n}@example.com")).await, 401);
    }
    assert_eq!(told(&login(&app, &stranger(1), ANN, PASSWORD).await), (429, "30"));
    assert_eq!(told(&login(&app, &stranger(2), ANN, PASSWORD).await).0, 200);
    // Who has signed in from there before gets in all the same; others, known or not, are told to wait.
    for n in 0..20 {
        assert_eq!(fail(&app, HOME, &format!("guess{n}@example.com")).await, 401);
    }
    assert_eq!(told(&login(&app, HOME, ANN, PASSWORD).await), (200, ""));
    for email in [ANN, "nobody@example.com"] {
        assert_eq!(told(&login(&app, HOME, email, "not this one").await), (429, "30"));
    }
}

/// From where she signs in, a lock does not tell that she has an account, whoever else has made it begin.
async fn a_known_network_tells_nothing(build: Build) {
    let app = app(build).await;
    let story = async |email: &str, strangers: u32| {
        let mut story = Vec::new();
        for n in 0..strangers {
            fail(&app, &stranger(n), email).await;
        }
        for _ in 0..7 {
            let before = (app.store.meter().counts(), app.app.passwords.work_done());
            let answer = login(&app, HOME, email, "not this one").await;
            let error = answer.body["error"].clone();
            let told = (answer.status.as_u16(), answer.headers.get("retry-after").cloned(), error);
            story.push((told, app.store.meter().counts() - before.0, app.app.passwords.work_done() - before.1));
        }
        // Until all is forgotten; then keys that were kept for an hour are looked up again.
        app.clock.advance(Duration::from_secs(3600));
        fail(&app, &stranger(99), "else@example.com").await;
        story
    };
    for strangers in [0, 5] {
        let known = story(ANN, strangers).await;
        assert_eq!(known, story("nobody@example.com", strangers).await, "after {strangers} from elsewhere");
        assert_eq!(known.iter().map(|step| step.2).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 0]);
    }
}

/// Typing errors of somebody who then gets in do not count for all behind the same address.
async fn a_success_takes_back_its_own_failures(build: Build) {
    let app = app(build).await;
    for round in 0..8 {
        for _ in 0..4 {
            assert_eq!(fail(&app, HOME, ANN).await, 401, "round {round}");
        }
        assert_eq!(told(&login(&app, HOME, ANN, PASSWORD).await).0, 200);
    }
    // What was guessed at others stays counted, however often somebody gets in.
    for n in 0..20 {
        assert_eq!(fail(&app, HOME, &format!("guess{n}@example.com")).await, 401);
        assert_eq!(told(&login(&app, HOME, ANN, PASSWORD).await).0, 200);
    }
    assert_eq!(fail(&app, HOME, "guess20@example.com").await, 429);
}

/// The same answers, reads, writes and password checks at each step.
async fn an_account_that_is_none_is_locked_alike(build: Build) {
    let app = app(build).await;
    let story = async |email: &str, from: u32| {
        let mut story = Vec::new();
        for n in 0..8 {
            let before = (app.store.meter().counts(), app.app.passwords.work_done());
            let answer = login(&app, &stranger(from + n), email, "not this one").await;
            let told = (answer.status.as_u16(), answer.headers.get("retry-after").cloned());
            let checks = app.app.passwords.work_done() - before.1;
            story.push((told, answer.body, app.store.meter().counts() - before.0, checks));
        }
        story
    };
    let known: Vec<_> = story(ANN, 0).await;
    assert_eq!(known, story("nobody@example.com", 100).await);
    let steps: Vec<(u16, u64)> = known.iter().map(|step| (step.0.0, step.3)).collect();
    assert_eq!(steps, [(401, 1), (401, 1), (401, 1), (401, 1), (401, 1), (429, 1), (429, 1), (429, 1)]);
}

async fn a_new_password_ends_a_lock(build: Build) {
    let app = app(build).await;
    for n in 0..5 {
        fail(&app, &stranger(n), ANN).await;
    }
    let token = testing::reset_token(&app, ANN).await;
    let body = json!({"token": token, "newPassword": "heron-under-bridge"});
    app.post("/api/v1/auth/reset-password").header("x-forwarded-for", &stranger(50)).json(&body).expect(200).await;
    assert_eq!(told(&login(&app, &stranger(60), ANN, "heron-under-bridge").await).0, 200);
    // Where it was set is known from then on.
    for n in 0..5 {
        fail(&app, &stranger(n), ANN).await;
    }
    assert_eq!(told(&login(&app, &stranger(50), ANN, "heron-under-bridge").await).0, 200);
}

async fn a_success_forgets_failures(build: Build) {
    let app = app(build).await;
    for round in 0..3 {
        for n in 0..4 {
            assert_eq!(fail(&app, &stranger(round * 10 + n), ANN).await, 401);
        }
        assert_eq!(told(&login(&app, &stranger(round * 10 + 5), ANN, PASSWORD).await).0, 200);
    }
}

async fn guesses_at_once_are_counted(build: Build) {
    let app = app(build).await;
    let addresses: Vec<String> = (0..6).map(stranger).collect();
    let guess = |n: usize| fail(&app, &addresses[n], ANN);
    tokio::join!(guess(0), guess(1), guess(2), guess(3), guess(4), guess(5));
    let answers: Value = login(&app, &stranger(7), ANN, PASSWORD).await.body;
    assert_eq!(answers["error"]["code"], "RATE_LIMITED", "{answers}");
}

/// Strangers who ask for many codes do not keep the owner from asking.
async fn strangers_use_up_their_own_allowance(build: Build) {
    let app = app(build).await;
    let ask = async |from: &str| {
        let before = app.sent().await.len();
        let body = json!({"email": ANN});
        let answer = app.post("/api/v1/auth/request-otp").header("x-forwarded-for", from).json(&body).send().await;
        (answer.status.as_u16(), app.sent().await.len() - before)
    };
    for n in 0..4 {
        for _ in 0..5 {
            assert_eq!(ask(&stranger(n)).await, (202, 1));
            app.clock.advance(Duration::from_secs(60));
        }
        assert_eq!(ask(&stranger(n)).await, (429, 0));
    }
    assert_eq!(ask(&stranger(9)).await, (202, 0), "the same answer, and no code");
    assert_eq!(ask(HOME).await, (202, 1));
}
