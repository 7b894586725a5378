use accounts::{Counter, Proof, prove};
use axum::extract::State;
use garde::Validate;
use kernel::Phi;
use model::user::USERS;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Problems};

use crate::accounts::{find_own, or_closed};
use crate::wire::{SUCCEEDED, Succeeded};

/// What shows that it is the user who switches the second factor off.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DisableMfaBody {
    /// The password.
    #[garde(length(bytes, max = 1000))]
    #[schema(example = "securePassword123")]
    password: String,
    /// A code of the app, or a backup code.
    #[garde(length(bytes, max = 64))]
    #[schema(example = "123456")]
    code: String,
}

/// Switch the second factor off
///
/// Takes the password and a code. Wrong ones are counted: after five in 15 minutes the answer is 429 for a while.
#[utoipa::path(
    post, path = "/api/v1/auth/disable-mfa", tag = "auth", security(("bearer" = [])),
    request_body = DisableMfaBody,
    responses((status = 200, body = Succeeded, description = "Signing in takes the password alone"), Problems),
)]
pub(crate) async fn disable_mfa(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<DisableMfaBody>,
) -> Result<Json<Succeeded>, ApiError> {
    let user = find_own(&caller).await?;
    let proof = Proof {
        action: "auth.mfa-disabled",
        password: Some(("password", Phi::new(body.password))),
        code: Some(Some(&body.code)),
    };
    let factor = prove(&app, &caller, &user, proof).await?.ok_or_else(none)?;
    let id = caller.user().as_str();
    caller.trail.action("auth.mfa-disabled").entity("user", id);
    caller
        .store
        .transact("disable-mfa", async |tx| {
            let own = Counter::of_user(caller.user());
            own.must_be_open(&tx, app.now()).await?;
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            let mut mfa = user.sign_in.mfa.take().ok_or_else(none)?;
            if !factor.spend(&mut mfa) {
                return Err(ApiError::forbidden("The code was used before.").detail("field", "code"));
            }
            tx.put(&USERS, id, &user)?;
            own.clear(&tx);
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(Json(SUCCEEDED))
}

fn none() -> ApiError {
    ApiError::new(Code::InvalidRequest, "This account has no second factor.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use accounts::step_up;
    use http::Method;
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest};
    use web::{ApiError, Caller};

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        it_takes_password_and_code, wrong_ones_are_counted, what_matters_asks_for_the_factor,
    }

    fn disable(app: &TestApp, tokens: &Value, password: &str, code: &str) -> TestRequest {
        let body = json!({"password": password, "code": code});
        testing::request_as(app, tokens, Method::POST, "/api/v1/auth/disable-mfa").json(&body)
    }

    async fn it_takes_password_and_code(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        disable(&app, &ann, PASSWORD, "000000").refused(400, "INVALID_REQUEST").await;
        let (secret, _) = testing::enable_mfa(&app, &ann).await;
        disable(&app, &ann, "not this one", &testing::code(&app, &secret)).refused(403, "FORBIDDEN").await;
        disable(&app, &ann, PASSWORD, "000000").refused(403, "FORBIDDEN").await;
        app.clock.advance(Duration::from_secs(30));
        disable(&app, &ann, PASSWORD, &testing::code(&app, &secret)).expect(200).await;
        testing::login(&app, "ann@example.com").await;
        let entries = testing::audit(&app, "auth.mfa-disabled").await;
        assert_eq!(entries.iter().filter(|entry| entry.refusal.is_none()).count(), 1);
        assert_eq!(entries.len(), 3);
    }

    async fn wrong_ones_are_counted(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let (_, backup) = testing::enable_mfa(&app, &ann).await;
        for n in 0..5 {
            let password = if n % 2 == 0 { PASSWORD } else { "not this one" };
            disable(&app, &ann, password, "000000").refused(403, "FORBIDDEN").await;
        }
        disable(&app, &ann, PASSWORD, &backup[0]).refused(429, "RATE_LIMITED").await;
        app.clock.advance(Duration::from_secs(30));
        disable(&app, &ann, PASSWORD, &backup[0]).expect(200).await;
    }

    async fn what_matters_asks_for_the_factor(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let caller = Caller::of_token(&app.app, ann["token"].as_str().unwrap()).await.unwrap();
        let asked = async |code: Option<&str>| step_up(&app.app, &caller, code).await;
        let refused = |result: Result<(), ApiError>| {
            let error = result.unwrap_err();
            (error.status().as_u16(), error.body(app.app.now())["error"]["details"]["mfaRequired"].clone())
        };
        asked(None).await.unwrap();
        asked(Some("000000")).await.unwrap();
        let (secret, backup) = testing::enable_mfa(&app, &ann).await;
        assert_eq!(refused(asked(None).await), (403, json!(true)));
        app.clock.advance(Duration::from_secs(30));
        let code = testing::code(&app, &secret);
        asked(Some(&code)).await.unwrap();
        assert_eq!(refused(asked(Some(&code)).await), (403, json!(true)), "a code is good once");
        for _ in 0..4 {
            assert_eq!(refused(asked(Some("000000")).await), (403, json!(true)));
        }
        assert_eq!(refused(asked(Some(&backup[0])).await).0, 429);
        app.clock.advance(Duration::from_secs(30));
        asked(Some(&backup[0])).await.unwrap();
        let entries = testing::audit(&app, "auth.step-up").await;
        let refusals = entries.iter().filter(|entry| entry.refusal.is_some()).count();
        assert_eq!((entries.len() - refusals, refusals), (2, 7));
    }
}
