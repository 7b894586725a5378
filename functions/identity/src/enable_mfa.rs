use accounts::SharedSecret;
use axum::Extension;
use axum::extract::State;
use model::sign_in::MfaOffer;
use model::user::USERS;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, NotKept, Problems};

use crate::accounts::{AccountKey, or_closed};
use crate::qr;

/// A second factor to be confirmed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MfaOffered {
    /// The shared secret in base32, for apps that scan nothing. It is shown this once.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same as a QR code: a PNG in a `data:` address.
    #[schema(example = "data:image/png;base64,iVBORw0KGgo...")]
    qr_code: String,
}

/// Shown once: no second request with the same `Idempotency-Key` sees it.
type Answer = (Extension<NotKept>, Json<MfaOffered>);

/// Set up a second factor
///
/// Answers a new secret for an authenticator app (RFC 6238: SHA-1, 6 digits, 30 seconds). It counts once POST
/// /api/v1/auth/verify-mfa has had a code of it; asking again takes the place of a secret that was not confirmed.
#[utoipa::path(
    post, path = "/api/v1/auth/enable-mfa", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = MfaOffered, description = "Scan it, then confirm it"), Problems),
)]
pub(crate) async fn enable_mfa(State(app): State<App>, caller: Caller) -> Result<Answer, ApiError> {
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let secret = SharedSecret::generate(app.random.as_ref())?;
    let sealed = secret.seal(key.subject_key(), caller.tenant(), caller.user());
    let id = caller.user().as_str();
    caller.trail.action("auth.mfa-offered").entity("user", id);
    let user = caller
        .store
        .transact("offer-mfa", async |tx| {
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            if user.sign_in.mfa.is_some() {
                let message = "This account has a second factor. Switch it off first: POST /api/v1/auth/disable-mfa.";
                return Err(ApiError::new(Code::DuplicateEntry, message));
            }
            user.sign_in.mfa_offered = Some(MfaOffer { secret: sealed.clone(), at: app.now() });
            tx.put(&USERS, id, &user)?;
            Ok::<_, ApiError>(user)
        })
        .await?;
    let url = secret.to_url(&key.open("email", &user.email)?)?;
    let offered = MfaOffered { secret: secret.to_base32(), qr_code: qr::data_url(&url)?.into_disclosed() };
    Ok((Extension(NotKept), Json(offered)))
}

/// Set up a second factor, at the address that older clients use
///
/// See POST /api/v1/auth/enable-mfa.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/enable", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = MfaOffered, description = "Scan it, then confirm it"), Problems),
)]
pub(crate) async fn enable_mfa_alias(state: State<App>, caller: Caller) -> Result<Answer, ApiError> {
    enable_mfa(state, caller).await
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kernel::Role;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_secret_is_offered, a_secret_is_not_kept, one_that_counts_is_not_replaced,
    }

    async fn a_secret_is_offered(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let offer = async |path: &str| testing::request_as(&app, &ann, Method::POST, path).expect(200).await;
        let one = offer("/api/v1/auth/enable-mfa").await;
        let other = offer("/api/v1/auth/mfa/enable").await;
        assert_eq!(one["secret"].as_str().unwrap().len(), 32);
        assert_ne!(one["secret"], other["secret"]);
        assert!(one["qrCode"].as_str().unwrap().starts_with("data:image/png;base64,"));
        let me = testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await;
        assert_eq!(me["mfaEnabled"], false, "it waits to be confirmed");
        testing::login(&app, "ann@example.com").await;
        app.post("/api/v1/auth/enable-mfa").refused(401, "UNAUTHORIZED").await;
    }

    async fn a_secret_is_not_kept(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let ask = || {
            let request = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/enable-mfa");
            request.header("idempotency-key", "k1")
        };
        let secret = ask().expect(200).await["secret"].as_str().unwrap().to_owned();
        let again = ask().send().await;
        assert_eq!(again.status, 409);
        assert!(!again.body.to_string().contains(&secret));
        assert_eq!(testing::audit(&app, "auth.mfa-offered").await.len(), 1);
    }

    async fn one_that_counts_is_not_replaced(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        testing::enable_mfa(&app, &ann).await;
        let again = testing::request_as(&app, &ann, Method::POST, "/api/v1/auth/enable-mfa");
        again.refused(409, "DUPLICATE_ENTRY").await;
    }
}
