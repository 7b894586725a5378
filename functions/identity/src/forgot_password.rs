use accounts::{OneTime, too_many_messages};
use axum::extract::State;
use events::{Delivery, Emit, Failure};
use garde::Validate;
use http::StatusCode;
use model::event::PasswordForgotten;
use model::one_time::TokenKind;
use model::user::EMAIL_INDEX;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Job, Json, Problems, Record, SignInTenant};

use crate::accounts::{AccountKey, find_by_index};
use crate::throttle::Throttles;
use crate::wire::{SUCCEEDED, Succeeded};
use crate::{mail, rules};

/// Whose password was forgotten.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ForgotPasswordBody {
    /// The address of the account.
    #[garde(skip)]
    #[schema(example = "john@example.com")]
    email: String,
}

/// Ask for a new password
///
/// Sends an e-mail with a token for POST /api/v1/auth/reset-password. The answer is the same, and takes as long, whether or
/// not there is an account. At most once a minute and five times an hour for an address from one network, and twenty times
/// an hour in all.
#[utoipa::path(
    post, path = "/api/v1/auth/forgot-password", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = ForgotPasswordBody,
    responses((status = 202, body = Succeeded, description = "If there is such an account, an e-mail goes out"), Problems),
)]
pub(crate) async fn forgot_password(
    State(app): State<App>,
    tenant: SignInTenant,
    client: ClientInfo,
    Json(body): Json<ForgotPasswordBody>,
) -> Result<(StatusCode, Json<Succeeded>), ApiError> {
    let email = rules::email(&body.email)?;
    let blind = app.vault.blind_index(&tenant.store).await?;
    let index = blind.exact(EMAIL_INDEX, email.disclose());
    let throttles = Throttles::new("reset", &index, &blind, &client);
    let forgotten = app.occurs(PasswordForgotten { address_index: index });
    let entry = app.entry("auth.password-forgotten", &client);
    // Whether there is an account is looked up afterwards, where nobody waits for it.
    tenant
        .store
        .transact("forgot-password", async |tx| {
            if let Some(wait) = throttles.count(&tx, app.now()).await? {
                return Err(too_many_messages(wait));
            }
            tx.emit(&forgotten)?;
            tx.record(&entry)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(SUCCEEDED)))
}

/// Sends the e-mail, where there is an account.
pub(crate) async fn send_password_reset(job: Job, delivery: Delivery<PasswordForgotten>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let found = find_by_index(&store, &delivery.event.address_index).await?;
    let Some((id, user)) = found.filter(|(_, user)| user.may_sign_in_here()) else { return Ok(()) };
    let tenant = &store.database().tenant;
    let key = AccountKey::of(&app, &store, &id).await?;
    let token = OneTime::new(&app, tenant, &id, TokenKind::ResetPassword);
    let letter = mail::password_reset(&app, key.open("email", &user.email)?, &token);
    let posted = letter.seal(&app, tenant, &id, key.subject_key());
    let entry = app.entry("auth.password-reset-sent", &ClientInfo::default()).of(&id, user.role);
    store
        .transact("send-password-reset", async |tx| {
            delivery.mark(&tx, app.now())?;
            token.save(&tx)?;
            posted.save(&tx)?;
            tx.record(&entry)
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::user::USERS;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        outsiders_learn_nothing, an_address_is_not_flooded, what_is_wrong_is_named, a_closed_account_gets_none,
    }

    const PATH: &str = "/api/v1/auth/forgot-password";

    /// The same status, body, reads and writes, and no password hashed, in what the request itself does.
    async fn outsiders_learn_nothing(app: TestApp) {
        testing::register(&app, "ann@example.com", Role::Patient).await;
        app.settle().await;
        let front = app.second_instance(testing::without_handlers()).await;
        front.app.vault.blind_index(&front.store).await.unwrap();
        let ask = async |email: &str| {
            let before = (front.store.meter().counts(), front.app.passwords.work_done());
            let answer = front.post(PATH).json(&json!({"email": email})).send().await;
            front.settle().await;
            let hashes = front.app.passwords.work_done() - before.1;
            (answer.status.as_u16(), answer.body, front.store.meter().counts() - before.0, hashes)
        };
        let known = ask("ann@example.com").await;
        let unknown = ask("nobody@example.com").await;
        assert_eq!((known.0, &known.1, known.3), (202, &json!({"success": true}), 0));
        assert_eq!(known, unknown);
        assert_eq!(testing::audit(&app, "auth.password-forgotten").await.len(), 2);
        app.clock.advance(Duration::from_secs(60));
        for email in ["ann@example.com", "nobody@example.com"] {
            app.post(PATH).json(&json!({"email": email})).expect(202).await;
        }
        let sent = app.sent().await;
        let sent: Vec<&str> = sent.iter().map(|message| message.kind.as_str()).collect();
        assert_eq!(sent, ["verify-email", "reset-password"], "only the account gets an e-mail");
    }

    async fn an_address_is_not_flooded(app: TestApp) {
        let ask = || app.post(PATH).json(&json!({"email": "nobody@example.com"}));
        for _ in 0..5 {
            ask().expect(202).await;
            ask().refused(429, "RATE_LIMITED").await;
            app.clock.advance(Duration::from_secs(60));
        }
        let refused = ask().send().await;
        assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "3300"));
        app.clock.advance(Duration::from_secs(3300));
        ask().expect(202).await;
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        assert_eq!(app.post(PATH).json(&json!({"email": "ann"})).refused(400, "VALIDATION_ERROR").await, "email");
        assert_eq!(app.post(PATH).json(&json!({})).refused(400, "VALIDATION_ERROR").await, "email");
    }

    async fn a_closed_account_gets_none(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Patient).await;
        app.settle().await;
        let id = ann["data"]["id"].as_str().unwrap();
        let close = app.store.transact("test", async |tx| {
            let mut user = tx.get(&USERS, id).await?.unwrap().value;
            user.active = false;
            tx.put(&USERS, id, &user)
        });
        close.await.unwrap();
        app.post(PATH).json(&json!({"email": "ann@example.com"})).expect(202).await;
        assert_eq!(app.sent().await.len(), 1, "that of registering");
    }
}
