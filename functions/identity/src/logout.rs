use axum::extract::State;
use model::session::EndReason;
use web::{ApiError, App, Caller, Json, Problems};

use crate::cookie::RefreshCookie;
use crate::sessions;
use crate::wire::{SUCCEEDED, Succeeded};

/// Sign out
///
/// Ends this session. Its access token stops working at once, everywhere within 15 seconds, and its refresh token with
/// it.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = Succeeded, description = "Signed out"), Problems),
)]
pub(crate) async fn logout(
    State(app): State<App>,
    caller: Caller,
) -> Result<(RefreshCookie, Json<Succeeded>), ApiError> {
    caller.trail.action("auth.logout").entity("session", caller.session());
    let ids = [caller.session().as_str().to_owned()];
    sessions::end(&app, &caller.store, caller.user(), &ids, EndReason::LoggedOut).await?;
    Ok((RefreshCookie::cleared(&app)?, Json(SUCCEEDED)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        the_access_token_stops_at_once, other_instances_follow_within_15_seconds, nobody_signs_out_of_nothing,
    }

    const ME: &str = "/api/v1/users/me";
    const LOGOUT: &str = "/api/v1/auth/logout";

    async fn the_access_token_stops_at_once(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let other = testing::login(&app, "ann@example.com").await;
        testing::get_as(&app, &made, ME).expect(200).await;
        let response = testing::request_as(&app, &made, Method::POST, LOGOUT).send().await;
        assert_eq!((response.status.as_u16(), response.body), (200, json!({"success": true})));
        let cookie = response.headers["set-cookie"].to_str().unwrap();
        assert_eq!(cookie, "refresh_token=; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=0");
        testing::get_as(&app, &made, ME).refused(401, "UNAUTHORIZED").await;
        app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&made)).refused(401, "UNAUTHORIZED").await;
        testing::get_as(&app, &other, ME).expect(200).await;
        assert_eq!(testing::ended_sessions(&app).await, [testing::session_id(&app, &made)]);
    }

    async fn other_instances_follow_within_15_seconds(app: TestApp) {
        let elsewhere = app.second_instance(testing::with_recorder()).await;
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        testing::get_as(&elsewhere, &made, ME).expect(200).await;
        testing::request_as(&app, &made, Method::POST, LOGOUT).expect(200).await;
        testing::get_as(&app, &made, ME).refused(401, "UNAUTHORIZED").await;
        app.clock.advance(Duration::from_secs(15));
        testing::get_as(&elsewhere, &made, ME).refused(401, "UNAUTHORIZED").await;
        // An instance that had not met the session never lets it in.
        let third = app.second_instance(testing::with_recorder()).await;
        testing::get_as(&third, &made, ME).refused(401, "UNAUTHORIZED").await;
    }

    async fn nobody_signs_out_of_nothing(app: TestApp) {
        app.post(LOGOUT).refused(401, "UNAUTHORIZED").await;
        assert!(testing::ended_sessions(&app).await.is_empty());
    }
}
