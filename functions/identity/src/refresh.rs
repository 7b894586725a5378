use access::Principal;
use access::refresh::RefreshToken;
use axum::extract::State;
use events::Emit;
use garde::Validate;
use http::HeaderMap;
use kernel::{Phi, SessionId};
use model::event::SessionsEnded;
use model::session::{EndReason, SESSIONS};
use model::user::USERS;
use serde::{Deserialize, Serialize};
use store::Store;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Json, Problems, Record};

use crate::cookie::{self, RefreshCookie};
use crate::sessions::{self, TokenPair};

/// A refresh token to be used up.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The newest refresh token of the session; browsers may leave it to the cookie.
    #[serde(default)]
    #[garde(inner(length(bytes, max = 400)))]
    #[schema(example = "clinic.0b1c...")]
    refresh_token: Option<String>,
}

/// New tokens of the same session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshedTokens {
    /// The access token. It holds for 15 minutes.
    #[schema(example = "eyJhbGciOiJFUzI1NiIs...")]
    token: String,
    /// The refresh token for the next time; the one that was sent is used up.
    #[schema(example = "clinic.0b1c...")]
    refresh_token: String,
}

/// Refresh tokens
///
/// Uses up a refresh token, from the body or else from the cookie, and answers a new pair. A session lives for 7 days in
/// all, and ends after 30 minutes without a request. A refresh token that comes a second time ends its session: somebody
/// else may have it.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "auth",
    request_body = Option<RefreshBody>,
    responses((status = 200, body = RefreshedTokens, description = "A new pair"), Problems),
)]
pub(crate) async fn refresh_tokens(
    State(app): State<App>,
    headers: HeaderMap,
    client: ClientInfo,
    body: Option<Json<RefreshBody>>,
) -> Result<(RefreshCookie, Json<RefreshedTokens>), ApiError> {
    let presented = presented(body, &headers)?;
    let store = app.tenants.open(presented.tenant()).await?.ok_or_else(not_valid)?;
    let next = presented.next(app.random.as_ref());
    let principal = match rotate(&app, &store, &client, &presented, &next).await? {
        Rotation::Rotated(principal) => principal,
        Rotation::Ended(session) => {
            app.sessions.forget(presented.tenant(), &session);
            return Err(not_valid());
        }
        Rotation::Refused => return Err(not_valid()),
    };
    let tokens = TokenPair::issue(&app, &principal, &next)?;
    let cookie = RefreshCookie::with(&app, &tokens.refresh)?;
    Ok((cookie, Json(RefreshedTokens { token: tokens.access, refresh_token: tokens.refresh.to_string() })))
}

/// The token from the body, else from the cookie.
fn presented(body: Option<Json<RefreshBody>>, headers: &HeaderMap) -> Result<RefreshToken, ApiError> {
    let in_body = body.and_then(|Json(body)| body.refresh_token).map(Phi::new);
    let text = in_body.or_else(|| cookie::refresh_token(headers)).ok_or_else(|| {
        ApiError::field("refreshToken", "refreshToken: send the refresh token in the body, or as the cookie")
    })?;
    text.disclose().parse().map_err(|_| not_valid())
}

/// One answer for everything that is wrong with a token: it tells nobody which sessions there are.
fn not_valid() -> ApiError {
    ApiError::unauthorized("The refresh token is not valid any more. Sign in again.")
}

enum Rotation {
    /// The next token counts now.
    Rotated(Principal),
    /// The session was ended.
    Ended(SessionId),
    /// There is no live session, or the token was never one of it.
    Refused,
}

/// Puts `next` in the place of `presented`. Of several that present the same token at once, one gets a new one; the
/// others have used it twice. Whoever only knows the session's id, which every access token tells, ends nothing.
async fn rotate(
    app: &App,
    store: &Store,
    client: &ClientInfo,
    presented: &RefreshToken,
    next: &RefreshToken,
) -> Result<Rotation, store::Error> {
    let id = sessions::session_of(presented.family());
    let now = app.now();
    let Some(known) = store.get(&SESSIONS, id.as_str()).await? else { return Ok(Rotation::Refused) };
    // Whose a session is never changes.
    let user_id = known.value.user_id;
    let entry = app.entry("auth.refresh", client).entity("session", id.as_str()).of_user(&user_id);
    let ended = app.occurs(SessionsEnded { user_id: user_id.clone(), session_ids: vec![id.clone()] });
    store
        .transact("refresh", async |tx| {
            let (session, user) = tx.get_both((&SESSIONS, id.as_str()), (&USERS, user_id.as_str())).await?;
            let Some(mut session) = session.map(|doc| doc.value).filter(|session| session.is_live(now)) else {
                tx.record(&entry.clone().denied("session-over"))?;
                return Ok(Rotation::Refused);
            };
            if !presented.is_of_family(&session.family_hash) {
                tx.record(&entry.clone().denied("no-token-of-it"))?;
                return Ok(Rotation::Refused);
            }
            let entry = user.as_ref().map_or(entry.clone(), |user| entry.clone().of(&user_id, user.value.role));
            let user = user.map(|doc| doc.value).filter(|user| user.may_sign_in());
            let end = match &user {
                _ if !presented.matches(&session.refresh_hash) => Some((EndReason::RefreshReused, "token-used-twice")),
                _ if session.is_idle(now, app.settings.session_idle) => Some((EndReason::Idle, "idle")),
                None => Some((EndReason::AccountChanged, "account-closed")),
                Some(_) => None,
            };
            if let Some((reason, refusal)) = end {
                session.end(now, reason);
                sessions::put(&tx, &id, &session)?;
                tx.emit(&ended)?;
                tx.record(&entry.denied(refusal))?;
                return Ok(Rotation::Ended(id.clone()));
            }
            let Some(user) = user else { return Ok(Rotation::Refused) };
            session.refresh_hash = next.hash();
            session.rotations += 1;
            session.last_seen_at = now;
            sessions::put(&tx, &id, &session)?;
            let tenant = presented.tenant().clone();
            let (role, verified) = (user.role, user.verified);
            Ok(Rotation::Rotated(Principal { user: user_id.clone(), tenant, role, session: id.clone(), verified }))
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use access::refresh::RefreshToken;
    use http::Method;
    use kernel::Role;
    use model::session::{EndReason, SESSIONS, Session};
    use model::user::USERS;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestRequest};

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        a_refresh_token_is_good_once, a_second_use_ends_the_session, an_old_token_ends_the_session_too,
        a_made_up_token_ends_nothing, of_two_at_once_one_wins,
        a_session_lives_seven_days_in_all, browsers_send_the_cookie, a_closed_account_ends,
        new_tokens_say_what_the_account_is_now, what_is_no_token_is_refused, refreshing_has_a_budget,
    }

    const ME: &str = "/api/v1/users/me";

    fn refresh(app: &TestApp, tokens: &Value) -> TestRequest {
        app.post("/api/v1/auth/refresh").json(&testing::refresh_body(tokens))
    }

    async fn session(app: &TestApp, id: &str) -> Session {
        app.store.get(&SESSIONS, id).await.unwrap().unwrap().value
    }

    async fn a_refresh_token_is_good_once(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = testing::session_id(&app, &made);
        app.clock.advance(Duration::from_secs(16 * 60));
        testing::get_as(&app, &made, ME).refused(401, "UNAUTHORIZED").await;
        let mut tokens = made.clone();
        for rotations in 1..=3 {
            let next = refresh(&app, &tokens).expect(200).await;
            assert_eq!(next.as_object().unwrap().len(), 2, "{next}");
            assert_ne!(next["refreshToken"], tokens["refreshToken"]);
            testing::get_as(&app, &next, ME).expect(200).await;
            assert_eq!(testing::session_id(&app, &next), id);
            let session = session(&app, &id).await;
            assert_eq!((session.rotations, session.last_seen_at), (rotations, app.app.now()));
            tokens = next;
        }
    }

    async fn a_second_use_ends_the_session(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let other = testing::login(&app, "ann@example.com").await;
        let id = testing::session_id(&app, &made);
        let next = refresh(&app, &made).expect(200).await;
        testing::get_as(&app, &next, ME).expect(200).await;
        refresh(&app, &made).refused(401, "UNAUTHORIZED").await;
        assert_eq!(session(&app, &id).await.ended.unwrap().reason, EndReason::RefreshReused);
        let entries = testing::audit(&app, "auth.refresh").await;
        assert_eq!((entries.len(), entries[0].refusal.as_deref()), (1, Some("token-used-twice")));
        assert_eq!(entries[0].user_id.as_ref().unwrap().as_str(), made["data"]["id"]);
        // Whoever has the newest tokens is out too; other sessions go on.
        testing::get_as(&app, &next, ME).refused(401, "UNAUTHORIZED").await;
        refresh(&app, &next).refused(401, "UNAUTHORIZED").await;
        testing::get_as(&app, &other, ME).expect(200).await;
        refresh(&app, &other).expect(200).await;
        assert_eq!(testing::ended_sessions(&app).await, [id], "told once");
    }

    async fn an_old_token_ends_the_session_too(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = testing::session_id(&app, &made);
        let mut newest = made.clone();
        for _ in 0..3 {
            newest = refresh(&app, &newest).expect(200).await;
        }
        refresh(&app, &made).refused(401, "UNAUTHORIZED").await;
        assert_eq!(session(&app, &id).await.ended.unwrap().reason, EndReason::RefreshReused);
        refresh(&app, &newest).refused(401, "UNAUTHORIZED").await;
        assert_eq!(testing::ended_sessions(&app).await, [id]);
    }

    async fn a_made_up_token_ends_nothing(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = testing::session_id(&app, &made);
        let newest = refresh(&app, &made).expect(200).await;
        let before = session(&app, &id).await;
        // All but the secret is in the access token.
        let made_up = RefreshToken::generate(app.tenant.clone(), id.parse().unwrap(), app.app.random.as_ref());
        for text in [made_up.expose().as_str(), &format!("{}.{id}.{}", app.tenant, "A".repeat(43))] {
            refresh(&app, &json!({"refreshToken": text})).refused(401, "UNAUTHORIZED").await;
        }
        assert_eq!(session(&app, &id).await, before);
        let entries = testing::audit(&app, "auth.refresh").await;
        assert!(entries.len() == 2 && entries.iter().all(|e| e.refusal.as_deref() == Some("no-token-of-it")));
        assert!(testing::ended_sessions(&app).await.is_empty());
        testing::get_as(&app, &newest, ME).expect(200).await;
        refresh(&app, &newest).expect(200).await;
    }

    async fn of_two_at_once_one_wins(app: TestApp) {
        let elsewhere = app.second_instance(testing::with_recorder()).await;
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = testing::session_id(&app, &made);
        let (one, other) = tokio::join!(refresh(&app, &made).send(), refresh(&elsewhere, &made).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{} {}", one.body, other.body);
        let session = session(&app, &id).await;
        assert_eq!((session.rotations, session.ended.map(|end| end.reason)), (1, Some(EndReason::RefreshReused)));
    }

    async fn a_session_lives_seven_days_in_all(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let mut tokens = made.clone();
        let step = Duration::from_secs(20 * 60);
        for _ in 0..7 * 24 * 3 - 1 {
            app.clock.advance(step);
            tokens = refresh(&app, &tokens).expect(200).await;
        }
        app.clock.advance(step);
        refresh(&app, &tokens).refused(401, "UNAUTHORIZED").await;
        // Too late is no reuse: nothing is told.
        refresh(&app, &made).refused(401, "UNAUTHORIZED").await;
        assert!(testing::ended_sessions(&app).await.is_empty());
    }

    async fn browsers_send_the_cookie(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let cookie = format!("theme=dark; refresh_token={}", made["refreshToken"].as_str().unwrap());
        let response = app.post("/api/v1/auth/refresh").header("cookie", &cookie).send().await;
        assert_eq!(response.status, 200, "{}", response.body);
        let set = response.headers["set-cookie"].to_str().unwrap().to_owned();
        let next = response.body;
        assert!(
            set.starts_with(&format!("refresh_token={}; HttpOnly", next["refreshToken"].as_str().unwrap())),
            "{set}"
        );
        // The body counts where both are sent.
        let both = app.post("/api/v1/auth/refresh").header("cookie", &cookie).json(&testing::refresh_body(&next));
        let next = both.expect(200).await;
        // A client may send an empty object beside the cookie.
        let cookie = format!("refresh_token={}", next["refreshToken"].as_str().unwrap());
        app.post("/api/v1/auth/refresh").header("cookie", &cookie).json(&json!({})).expect(200).await;
    }

    async fn a_closed_account_ends(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = made["data"]["id"].as_str().unwrap();
        let close = async |tx: store::Transaction| {
            let mut user = tx.get(&USERS, id).await?.unwrap().value;
            user.active = false;
            tx.put(&USERS, id, &user)
        };
        app.store.transact("test", close).await.unwrap();
        refresh(&app, &made).refused(401, "UNAUTHORIZED").await;
        let session = session(&app, &testing::session_id(&app, &made)).await;
        assert_eq!(session.ended.unwrap().reason, EndReason::AccountChanged);
        assert_eq!(testing::ended_sessions(&app).await.len(), 1);
    }

    async fn new_tokens_say_what_the_account_is_now(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Doctor).await;
        let id = made["data"]["id"].as_str().unwrap();
        let verify = async |tx: store::Transaction| {
            let mut user = tx.get(&USERS, id).await?.unwrap().value;
            user.verified = true;
            tx.put(&USERS, id, &user)
        };
        app.store.transact("test", verify).await.unwrap();
        let next = refresh(&app, &made).expect(200).await;
        let principal = app.app.tokens.verify(next["token"].as_str().unwrap(), app.app.now()).unwrap();
        assert!(principal.verified && principal.role == Role::Doctor);
    }

    async fn what_is_no_token_is_refused(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let path = "/api/v1/auth/refresh";
        assert_eq!(app.post(path).refused(400, "VALIDATION_ERROR").await, "refreshToken");
        assert_eq!(app.post(path).json(&json!({})).refused(400, "VALIDATION_ERROR").await, "refreshToken");
        assert_eq!(
            app.post(path).json(&json!({"refreshToken": 7})).refused(400, "VALIDATION_ERROR").await,
            "refreshToken"
        );
        assert_eq!(app.post(path).json(&json!({"token": "x"})).refused(400, "VALIDATION_ERROR").await, "token");
        let long = json!({"refreshToken": "x".repeat(401)});
        assert_eq!(app.post(path).json(&long).refused(400, "VALIDATION_ERROR").await, "refreshToken");
        let secret = "A".repeat(43);
        let tenant = app.tenant.as_str();
        for text in ["", "x", "a.b.c", &format!("nowhere.s1.{secret}"), &format!("{tenant}.s1.{secret}")] {
            app.post(path).json(&json!({"refreshToken": text})).refused(401, "UNAUTHORIZED").await;
        }
        // An access token is none, and the session outlives the mistake.
        app.post(path).json(&json!({"refreshToken": made["token"]})).send().await;
        testing::request_as(&app, &made, Method::GET, ME).expect(200).await;
    }

    async fn refreshing_has_a_budget(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let before = app.store.meter().counts();
        refresh(&app, &made).expect(200).await;
        let spent = app.store.meter().counts() - before;
        assert_eq!(spent, Counts { gets: 2, commits: 1, documents_read: 3, documents_written: 1, ..Counts::default() });
    }
}
