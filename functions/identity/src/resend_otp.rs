use accounts::network;
use axum::extract::State;
use events::Emit;
use garde::Validate;
use http::StatusCode;
use kernel::OtpRequestId;
use model::event::CodeRequested;
use model::sign_in::{OTP_LIFETIME, OTP_REQUESTS};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Json, Problems, Record, SignInTenant};

use crate::request_otp::OtpRequested;
use crate::throttle::Throttles;

/// A code that did not come.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResendOtpBody {
    /// What POST /api/v1/auth/request-otp answered.
    #[garde(skip)]
    request_id: OtpRequestId,
}

/// Ask for another code
///
/// Sends a new code for the same request; the one before is good no more. It counts as POST /api/v1/auth/request-otp does.
#[utoipa::path(
    post, path = "/api/v1/auth/resend-otp", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = ResendOtpBody,
    responses((status = 202, body = OtpRequested, description = "If there is such an account, a code goes out"), Problems),
)]
pub(crate) async fn resend_otp(
    State(app): State<App>,
    client: ClientInfo,
    tenant: SignInTenant,
    Json(body): Json<ResendOtpBody>,
) -> Result<(StatusCode, Json<OtpRequested>), ApiError> {
    let (id, now) = (body.request_id, app.now());
    let blind = app.vault.blind_index(&tenant.store).await?;
    let address = network(&blind, &client);
    let entry = app.entry("auth.code-requested", &client);
    let requested = app.occurs(CodeRequested { request_id: id.clone(), round: 0 });
    tenant
        .store
        .transact("resend-otp", async |tx| {
            let asked = tx.get(&OTP_REQUESTS, id.as_str()).await?.map(|doc| doc.value);
            let mut asked =
                asked.filter(|asked| now < asked.expires_at).ok_or_else(|| ApiError::not_found("request"))?;
            let wait = Throttles::new("code", &asked.index, &blind, &client).count(&tx, now).await?;
            (asked.for_known_only, asked.network) = (wait.is_some(), address.clone());
            asked.round += 1;
            (asked.code_hash, asked.attempts) = (None, 0);
            asked.expires_at = now.plus(OTP_LIFETIME);
            tx.put_until(&OTP_REQUESTS, id.as_str(), &asked, asked.expires_at)?;
            tx.emit(&requested.with(CodeRequested { request_id: id.clone(), round: asked.round }))?;
            tx.record(&entry)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(OtpRequested::of(id))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_newest_code_is_good, codes_are_not_sent_in_a_row, what_was_not_asked_for_is_not_sent_again,
    }

    const RESEND: &str = "/api/v1/auth/resend-otp";

    async fn the_newest_code_is_good(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let id = testing::request_code(&app, json!({"email": "ann@example.com"})).await;
        let first = testing::code_of(app.sent().await.last().unwrap());
        app.clock.advance(Duration::from_secs(60));
        let again = app.post(RESEND).json(&json!({"requestId": id})).expect(202).await;
        assert_eq!(again, json!({"success": true, "requestId": id, "expiresInSeconds": 300}));
        let second = testing::code_of(app.sent().await.last().unwrap());
        assert_ne!(first, second);
        let verify = |code: &str| app.post("/api/v1/auth/verify-otp").json(&json!({"requestId": id, "code": code}));
        verify(&first).refused(401, "UNAUTHORIZED").await;
        app.clock.advance(Duration::from_secs(299));
        verify(&second).expect(200).await;
    }

    async fn codes_are_not_sent_in_a_row(app: TestApp) {
        // The same for an address that has no account.
        let id = testing::request_code(&app, json!({"email": "nobody@example.com"})).await;
        let resend = || app.post(RESEND).json(&json!({"requestId": id}));
        for _ in 0..4 {
            let refused = resend().send().await;
            assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "60"));
            app.clock.advance(Duration::from_secs(60));
            resend().expect(202).await;
        }
        app.clock.advance(Duration::from_secs(60));
        resend().refused(429, "RATE_LIMITED").await;
        let other = app.post("/api/v1/auth/request-otp").json(&json!({"email": "nobody@example.com"}));
        other.refused(429, "RATE_LIMITED").await;
    }

    async fn what_was_not_asked_for_is_not_sent_again(app: TestApp) {
        app.post(RESEND).json(&json!({"requestId": "nothing"})).refused(404, "NOT_FOUND").await;
        assert_eq!(
            app.post(RESEND).json(&json!({"requestId": "a/b"})).refused(400, "VALIDATION_ERROR").await,
            "requestId"
        );
        let id = testing::request_code(&app, json!({"email": "nobody@example.com"})).await;
        app.clock.advance(Duration::from_secs(300));
        app.post(RESEND).json(&json!({"requestId": id})).refused(404, "NOT_FOUND").await;
    }
}
