use axum::extract::State;
use kernel::SessionId;
use model::session::EndReason;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::cookie::RefreshCookie;
use crate::sessions;
use crate::wire::{SUCCEEDED, Succeeded};

/// End one of my sessions
///
/// Signs another device out, or this one.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{sessionId}", tag = "auth", security(("bearer" = [])),
    params(("sessionId" = SessionId, Path, description = "A session of GET /api/v1/auth/sessions")),
    responses((status = 200, body = Succeeded, description = "Ended"), Problems),
)]
pub(crate) async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Path(session_id): Path<SessionId>,
) -> Result<(Option<RefreshCookie>, Json<Succeeded>), ApiError> {
    caller.trail.action("auth.logout").entity("session", &session_id);
    let is_current = session_id == *caller.session();
    let ids = [session_id.into_string()];
    let ended = sessions::end(&app, &caller.store, caller.user(), &ids, EndReason::LoggedOut).await?;
    if ended.is_empty() {
        return Err(ApiError::not_found("session"));
    }
    let cookie = if is_current { Some(RefreshCookie::cleared(&app)?) } else { None };
    Ok((cookie, Json(SUCCEEDED)))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        another_device_is_signed_out, a_strangers_session_is_not_there,
    }

    fn path(session: &str) -> String {
        format!("/api/v1/auth/sessions/{session}")
    }

    async fn another_device_is_signed_out(app: TestApp) {
        let here = testing::register(&app, "ann@example.com", Role::Patient).await;
        let there = testing::login(&app, "ann@example.com").await;
        let id = testing::session_id(&app, &there);
        testing::get_as(&app, &there, "/api/v1/users/me").expect(200).await;
        let end = || testing::request_as(&app, &here, Method::DELETE, &path(&id));
        let answer = end().send().await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"success": true})));
        assert!(!answer.headers.contains_key("set-cookie"), "the cookie is this device's");
        testing::get_as(&app, &there, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
        testing::get_as(&app, &here, "/api/v1/users/me").expect(200).await;
        end().refused(404, "NOT_FOUND").await;
        assert_eq!(testing::ended_sessions(&app).await, [id]);

        let own = path(&testing::session_id(&app, &here));
        let answer = testing::request_as(&app, &here, Method::DELETE, &own).send().await;
        assert!(answer.headers["set-cookie"].to_str().unwrap().ends_with("Max-Age=0"));
        testing::get_as(&app, &here, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
    }

    async fn a_strangers_session_is_not_there(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let ben = testing::register(&app, "ben@example.com", Role::Doctor).await;
        let end = |id: &str| testing::request_as(&app, &ann, Method::DELETE, &path(id));
        let bens = end(&testing::session_id(&app, &ben)).expect(404).await;
        assert_eq!(bens, end("nobodys").expect(404).await);
        testing::get_as(&app, &ben, "/api/v1/users/me").expect(200).await;
        assert_eq!(end("no%20id").refused(400, "VALIDATION_ERROR").await, "sessionId");
        app.delete(&path("x")).refused(401, "UNAUTHORIZED").await;
        assert!(testing::ended_sessions(&app).await.is_empty());
    }
}
