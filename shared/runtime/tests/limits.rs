//! How many requests one address gets served in a minute.

use std::time::Duration;

use kernel::Role;
use testkit::{Build, TestApp};
use web::{RateLimits, Settings};

async fn app() -> TestApp {
    let limits = RateLimits { per_minute: 20, auth_per_minute: 5, uploads_per_minute: 0 };
    let settings = Settings { limits, trusted_proxies: 1, ..Settings::default() };
    TestApp::build(Build { settings, ..Build::default() }, Vec::new()).await
}

async fn status(app: &TestApp, from: &str, path: &str) -> u16 {
    app.get(path).header("x-forwarded-for", from).send().await.status.as_u16()
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_again() {
    let app = app().await;
    for _ in 0..20 {
        assert_eq!(status(&app, "203.0.113.7", "/api/v1/nothing").await, 404);
    }
    let refused = app.get("/api/v1/nothing").header("x-forwarded-for", "203.0.113.7").send().await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]["code"]), (429, &"RATE_LIMITED".into()));
    assert_eq!(refused.headers["retry-after"], "3");
    assert_eq!(refused.headers["x-content-type-options"], "nosniff");
    assert_eq!(status(&app, "203.0.113.8", "/api/v1/nothing").await, 404, "another address is served");
    assert_eq!(status(&app, "6.6.6.6, 203.0.113.7", "/api/v1/nothing").await, 429, "and cannot be claimed");
    assert_eq!(status(&app, "203.0.113.7", "/health").await, 200, "probes are not counted");
    assert_eq!(status(&app, "203.0.113.7", "/ws").await, 429, "opening a socket is");
    app.clock.advance(Duration::from_secs(3));
    assert_eq!(status(&app, "203.0.113.7", "/api/v1/nothing").await, 404);
    assert_eq!(status(&app, "203.0.113.7", "/api/v1/nothing").await, 429);
}

#[tokio::test]
async fn signing_in_has_a_smaller_allowance() {
    let app = app().await;
    for _ in 0..5 {
        assert_eq!(status(&app, "203.0.113.7", "/api/v1/auth/login").await, 404);
    }
    assert_eq!(status(&app, "203.0.113.7", "/api/v1/auth/register").await, 429);
    assert_eq!(status(&app, "203.0.113.7", "/api/v1/users/me").await, 404, "the rest goes on");
}

#[tokio::test]
async fn one_ipv6_network_is_one_client() {
    let app = app().await;
    for n in 0..20 {
        assert_eq!(status(&app, &format!("2001:db8:1:2::{n}"), "/api/v1/nothing").await, 404);
    }
    assert_eq!(status(&app, "2001:db8:1:2:9::1", "/api/v1/nothing").await, 429);
    assert_eq!(status(&app, "2001:db8:1:3::1", "/api/v1/nothing").await, 404);
}

#[tokio::test]
async fn nothing_is_counted_unless_it_is_asked_for() {
    let app = TestApp::on_sqlite(Vec::new()).await;
    let user = app.user(Role::Patient, "Pat").await;
    for _ in 0..200 {
        assert_eq!(app.get("/api/v1/auth/nothing").by(&user).send().await.status, 404);
    }
}
