use axum::extract::State;
use kernel::{SessionId, Time};
use model::session::{SESSIONS, Session};
use serde::Serialize;
use store::Doc;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::sessions;

/// The most sessions that are shown. Nobody looks through more devices.
const MOST: u32 = 100;

/// The caller's sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// Those that live longest first, at most 100.
    data: Vec<SessionView>,
}

/// A sign-in on one device.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The session's id.
    id: SessionId,
    /// What the client called itself at sign-in.
    #[schema(example = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) ...")]
    device: Option<String>,
    /// The client's address at sign-in.
    #[schema(example = "203.0.113.7")]
    ip: Option<String>,
    /// When it signed in.
    created_at: Time,
    /// When it was last in use, to five minutes.
    last_seen_at: Time,
    /// Whether this request came with it.
    #[schema(example = true)]
    current: bool,
}

impl SessionView {
    fn of(doc: Doc<Session>, current: &SessionId) -> Option<Self> {
        let id: SessionId = doc.id.parse().ok()?;
        let Session { user_agent, ip, created_at, last_seen_at, .. } = doc.value;
        Some(Self { current: id == *current, id, device: user_agent, ip, created_at, last_seen_at })
    }
}

/// My sessions
///
/// Where the caller is signed in, and when each session was last in use. A session that was not for 30 minutes has ended.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = SessionList), Problems),
)]
pub(crate) async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<SessionList>, ApiError> {
    let live = sessions::live_of(caller.user(), app.now()).limit(MOST);
    let found = caller.store.query(&SESSIONS, &live).await?;
    let awake = |doc: &Doc<Session>| !doc.value.is_idle(app.now(), app.settings.session_idle);
    let data = found.into_iter().filter(awake).filter_map(|doc| SessionView::of(doc, caller.session())).collect();
    Ok(Json(SessionList { data }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_user_sees_their_own_live_sessions,
    }

    const SESSIONS: &str = "/api/v1/auth/sessions";

    async fn a_user_sees_their_own_live_sessions(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        testing::register(&app, "ben@example.com", Role::Patient).await;
        let began = app.app.now();
        app.clock.advance(Duration::from_secs(60));
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let login = app.post("/api/v1/auth/login").header("user-agent", "Ladybird/1.0").json(&body);
        let phone = login.expect(200).await;
        let list = testing::get_as(&app, &phone, SESSIONS).expect(200).await;
        let (first, second) = (testing::session_id(&app, &phone), testing::session_id(&app, &ann));
        let expected = json!({"data": [
            {"id": first, "device": "Ladybird/1.0", "ip": null, "createdAt": app.app.now(),
             "lastSeenAt": app.app.now(), "current": true},
            {"id": second, "device": null, "ip": null, "createdAt": began, "lastSeenAt": began, "current": false},
        ]});
        assert_eq!(list, expected);

        let refreshed = app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&ann)).expect(200).await;
        let list = testing::get_as(&app, &refreshed, SESSIONS).expect(200).await;
        let mine = list["data"].as_array().unwrap().iter().find(|s| s["current"] == true).unwrap();
        assert_eq!((&mine["id"], &mine["lastSeenAt"]), (&json!(second), &json!(app.app.now())));

        testing::request_as(&app, &phone, Method::POST, "/api/v1/auth/logout").expect(200).await;
        let list = testing::get_as(&app, &refreshed, SESSIONS).expect(200).await;
        assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
        app.get(SESSIONS).refused(401, "UNAUTHORIZED").await;
    }
}
