use accounts::{OneTime, Presented};
use axum::extract::State;
use events::{Delivery, Failure};
use garde::Validate;
use model::event::Registered;
use model::one_time::TokenKind;
use model::user::{USERS, User};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Job, Json, Problems, Record};

use crate::accounts::AccountKey;
use crate::mail;
use crate::wire::{SUCCEEDED, Succeeded};

/// The token of a verification e-mail.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerifyEmailBody {
    /// As the e-mail has it. It is good once and for 24 hours.
    #[garde(length(bytes, max = 400))]
    #[schema(example = "clinic.Zm9v...")]
    token: String,
}

/// Verify an e-mail address
///
/// Uses up the token of the e-mail that was sent when the account was made. A new one can be had as a code: POST
/// /api/v1/auth/request-otp with `purpose` `verify`.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email", tag = "auth",
    request_body = VerifyEmailBody,
    responses((status = 200, body = Succeeded, description = "Verified"), Problems),
)]
pub(crate) async fn verify_email(
    State(app): State<App>,
    client: ClientInfo,
    Json(body): Json<VerifyEmailBody>,
) -> Result<Json<Succeeded>, ApiError> {
    const KINDS: &[TokenKind] = &[TokenKind::VerifyEmail];
    let presented = Presented::parse(&body.token).ok_or_else(not_good)?;
    let store = app.tenants.open(presented.tenant()).await?.ok_or_else(not_good)?;
    let entry = app.entry("auth.email-verified", &client);
    store
        .transact("verify-email", async |tx| {
            let token = presented.take(&app, &tx, KINDS).await?.ok_or_else(not_good)?;
            let id = token.user_id.as_str();
            let user = tx.get(&USERS, id).await?.map(|doc| doc.value).filter(User::may_sign_in);
            let mut user = user.ok_or_else(not_good)?;
            user.sign_in.email_verified_at.get_or_insert(app.now());
            tx.put(&USERS, id, &user)?;
            tx.record(&entry.clone().of(&token.user_id, user.role))?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(Json(SUCCEEDED))
}

fn not_good() -> ApiError {
    ApiError::field("token", "token: it was used, is too old or is none. Sign in and ask for a code instead.")
}

/// Sends a new account's verification e-mail.
pub(crate) async fn send_verification(job: Job, delivery: Delivery<Registered>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let id = &delivery.event.user_id;
    let user = store.get(&USERS, id.as_str()).await?.map(|doc| doc.value).filter(User::may_sign_in);
    let Some(user) = user.filter(|user| user.sign_in.email_verified_at.is_none()) else { return Ok(()) };
    let tenant = &store.database().tenant;
    let key = AccountKey::of(&app, &store, id).await?;
    let token = OneTime::new(&app, tenant, id, TokenKind::VerifyEmail);
    let letter = mail::verification(&app, key.open("email", &user.email)?, &token);
    let posted = letter.seal(&app, tenant, id, key.subject_key());
    store
        .transact("send-verification", async |tx| {
            delivery.mark(&tx, app.now())?;
            token.save(&tx)?;
            posted.save(&tx)
        })
        .await?;
    Ok(())
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
        an_address_is_verified_by_its_mail, a_token_is_good_once_and_for_a_day, what_is_no_token_is_refused,
    }

    const PATH: &str = "/api/v1/auth/verify-email";

    async fn an_address_is_verified_by_its_mail(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let me = async || testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["emailVerified"].clone();
        assert_eq!(me().await, false);
        let sent = app.sent().await;
        assert_eq!((sent.len(), sent[0].to.disclose().as_str()), (1, "ann@example.com"));
        let text = sent[0].text.disclose();
        assert!(text.contains("http://localhost:3000/verify-email#token="), "{text}");
        let token = testing::token_of(&sent[0]);
        assert_eq!(app.post(PATH).json(&json!({"token": token})).expect(200).await, json!({"success": true}));
        assert_eq!(me().await, true);
        let entries = testing::audit(&app, "auth.email-verified").await;
        assert_eq!(entries[0].user_id.as_ref().unwrap().as_str(), ann["data"]["id"]);
    }

    async fn a_token_is_good_once_and_for_a_day(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        let token = testing::token_of(&app.sent().await[0]);
        app.post(PATH).json(&json!({"token": token})).expect(200).await;
        assert_eq!(app.post(PATH).json(&json!({"token": token})).refused(400, "VALIDATION_ERROR").await, "token");
        testing::register(&app, "ben@example.com", Role::Patient).await;
        let token = testing::token_of(&app.sent().await[1]);
        app.clock.advance(Duration::from_secs(24 * 3600));
        assert_eq!(app.post(PATH).json(&json!({"token": token})).refused(400, "VALIDATION_ERROR").await, "token");
    }

    async fn what_is_no_token_is_refused(app: TestApp) {
        for text in ["", "x", &format!("nowhere.{}", "A".repeat(43)), &format!("{}.{}", app.tenant, "A".repeat(43))] {
            assert_eq!(app.post(PATH).json(&json!({"token": text})).refused(400, "VALIDATION_ERROR").await, "token");
        }
        // A token for something else does not verify, and is not used up.
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        let reset = testing::reset_token(&app, "ann@example.com").await;
        app.post(PATH).json(&json!({"token": reset})).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["emailVerified"], false);
        let body = json!({"token": reset, "newPassword": "a-wholly-new-one"});
        app.post("/api/v1/auth/reset-password").json(&body).expect(200).await;
    }
}
