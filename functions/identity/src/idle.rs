//! A session that nobody uses ends by itself, on all instances.

use std::time::Duration;

use kernel::{Role, SessionId};
use model::session::{EndReason, SESSIONS, Session};
use serde_json::{Value, json};
use testkit::{Build, TestApp, TestRequest};
use web::Settings;

use crate::testing;

testkit::on_both_platforms! {
    builds;
    half_an_hour_without_a_request_ends_it, an_idle_session_is_refused_everywhere,
}

const ME: &str = "/api/v1/users/me";

fn refresh(app: &TestApp, tokens: &Value) -> TestRequest {
    app.post("/api/v1/auth/refresh").json(&testing::refresh_body(tokens))
}

async fn session(app: &TestApp, id: &str) -> Session {
    app.store.get(&SESSIONS, id).await.unwrap().unwrap().value
}

async fn half_an_hour_without_a_request_ends_it(build: Build) {
    let app = TestApp::build(build, testing::with_recorder()).await;
    let minutes = |n: u64| app.clock.advance(Duration::from_secs(n * 60));
    let made = testing::register(&app, "ann@example.com", Role::Patient).await;
    let id = testing::session_id(&app, &made);
    minutes(4);
    let before = app.store.meter().counts();
    testing::get_as(&app, &made, ME).expect(200).await;
    assert_eq!((app.store.meter().counts() - before).commits, 0);
    assert_ne!(session(&app, &id).await.last_seen_at, app.app.now());
    minutes(1);
    testing::get_as(&app, &made, ME).expect(200).await;
    assert_eq!(session(&app, &id).await.last_seen_at, app.app.now());
    let list = testing::get_as(&app, &made, "/api/v1/auth/sessions").expect(200).await;
    assert_eq!(list["data"][0]["lastSeenAt"], json!(app.app.now()));
    // Whether it is live may be asked as often as one likes: that is no use of it.
    minutes(9);
    let gate = &app.app.sessions;
    assert!(gate.is_live(&app.store, &id.parse().unwrap()).await.unwrap());
    minutes(20);
    let next = refresh(&app, &made).expect(200).await;
    minutes(30);
    let idle: SessionId = id.parse().unwrap();
    assert!(!gate.is_live(&app.store, &idle).await.unwrap());
    refresh(&app, &next).refused(401, "UNAUTHORIZED").await;
    assert_eq!(session(&app, &id).await.ended.unwrap().reason, EndReason::Idle);
    assert_eq!(testing::ended_sessions(&app).await, [id]);
    let entries = testing::audit(&app, "auth.refresh").await;
    assert_eq!((entries.len(), entries[0].refusal.as_deref()), (1, Some("idle")));
}

async fn an_idle_session_is_refused_everywhere(build: Build) {
    let settings = Settings { session_idle: Duration::from_secs(600), ..Settings::default() };
    let app = TestApp::build(Build { settings, ..build }, vec![crate::function()]).await;
    let made = testing::register(&app, "ann@example.com", Role::Patient).await;
    let elsewhere = app.second_instance(vec![crate::function()]).await;
    testing::get_as(&elsewhere, &made, ME).expect(200).await;
    app.clock.advance(Duration::from_secs(240));
    testing::get_as(&app, &made, ME).expect(200).await;
    app.clock.advance(Duration::from_secs(180));
    testing::get_as(&app, &made, ME).expect(200).await;
    // The other instance hears of it: eleven minutes after the last use that it knows itself.
    app.clock.advance(Duration::from_secs(240));
    testing::get_as(&elsewhere, &made, ME).expect(200).await;
    let sessions = testing::get_as(&app, &made, "/api/v1/auth/sessions").expect(200).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    let other = testing::login(&app, "ann@example.com").await;
    app.clock.advance(Duration::from_secs(599));
    testing::get_as(&app, &other, ME).expect(200).await;
    app.clock.advance(Duration::from_secs(1));
    let sessions = testing::get_as(&app, &other, "/api/v1/auth/sessions").expect(200).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1, "the idle one is not shown: {sessions}");
    for instance in [&app, &elsewhere] {
        testing::get_as(instance, &made, ME).refused(401, "UNAUTHORIZED").await;
    }
}
