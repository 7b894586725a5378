use axum::extract::State;
use model::session::EndReason;
use web::{ApiError, App, Caller, Json, Problems};

use crate::cookie::RefreshCookie;
use crate::sessions::{self, Which};
use crate::wire::{SUCCEEDED, Succeeded};

/// Sign out everywhere
///
/// Ends all sessions of the caller, this one too.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = Succeeded, description = "Signed out everywhere"), Problems),
)]
pub(crate) async fn logout_all(
    State(app): State<App>,
    caller: Caller,
) -> Result<(RefreshCookie, Json<Succeeded>), ApiError> {
    caller.trail.action("auth.logout-all").entity("user", caller.user());
    sessions::end_all(&app, &caller.store, caller.user(), Which::All, EndReason::LoggedOut).await?;
    Ok((RefreshCookie::cleared(&app)?, Json(SUCCEEDED)))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kernel::{Role, SessionId};
    use model::session::SESSIONS;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        every_session_of_the_caller_ends, many_sessions_end_in_several_commits,
    }

    const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";

    async fn every_session_of_the_caller_ends(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let again = testing::login(&app, "ann@example.com").await;
        let ben = testing::register(&app, "ben@example.com", Role::Patient).await;
        let answer = testing::request_as(&app, &ann, Method::POST, LOGOUT_ALL).send().await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"success": true})));
        assert!(answer.headers["set-cookie"].to_str().unwrap().ends_with("Max-Age=0"));
        for tokens in [&ann, &again] {
            testing::get_as(&app, tokens, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
            let refresh = app.post("/api/v1/auth/refresh").json(&testing::refresh_body(tokens));
            refresh.refused(401, "UNAUTHORIZED").await;
        }
        testing::get_as(&app, &ben, "/api/v1/users/me").expect(200).await;
        let mut expected = [&ann, &again].map(|tokens| testing::session_id(&app, tokens));
        expected.sort();
        assert_eq!(testing::ended_sessions(&app).await, expected);
    }

    async fn many_sessions_end_in_several_commits(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let first = testing::session_id(&app, &ann);
        let session = app.store.get(&SESSIONS, &first).await.unwrap().unwrap().value;
        for _ in 0..2 {
            let ids: Vec<_> = (0..200).map(|_| SessionId::generate(app.app.random.as_ref())).collect();
            let write =
                async |tx: store::Transaction| ids.iter().try_for_each(|id| crate::sessions::put(&tx, id, &session));
            app.store.transact("test", write).await.unwrap();
        }
        testing::request_as(&app, &ann, Method::POST, LOGOUT_ALL).expect(200).await;
        let all = app.store.query(&SESSIONS, &SESSIONS.all()).await.unwrap();
        assert_eq!(all.len(), 401);
        assert!(all.iter().all(|doc| !doc.value.is_live(app.app.now())));
        assert_eq!(testing::ended_sessions(&app).await.len(), 401);
    }
}
