use accounts::network;
use axum::extract::State;
use events::Emit;
use garde::Validate;
use http::StatusCode;
use kernel::{Channel, OtpRequestId, UserId};
use model::event::CodeRequested;
use model::sign_in::{Identifier, OTP_LIFETIME, OTP_REQUESTS, OtpPurpose, OtpRequest, PHONE_INDEX};
use model::user::EMAIL_INDEX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::BlindIndex;
use web::{ApiError, App, Caller, ClientInfo, Json, Problems, Record, SignInTenant};

use crate::accounts::{AccountKey, find_own};
use crate::rules;
use crate::throttle::Throttles;

/// For whom a code is asked, and what for.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestOtpBody {
    /// The address of the account; this or `phoneNumber`.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "john@example.com")]
    email: Option<String>,
    /// The telephone number of the account, with the country code; this or `email`. It signs in once it is verified.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "+15550142877")]
    phone_number: Option<String>,
    /// How the code is to come, if that works; else it comes another way that the account has.
    #[serde(default)]
    #[garde(skip)]
    channel: Option<CodeChannel>,
    /// What the code is for: `login` (the default), or `verify`, which takes an access token: the signed-in user shows
    /// that the address or number of the account is theirs.
    #[serde(default)]
    #[garde(skip)]
    purpose: CodePurpose,
}

/// How a code comes.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodeChannel {
    /// WhatsApp.
    WhatsApp,
    /// A text message.
    Sms,
    /// E-mail.
    Email,
}

impl From<CodeChannel> for Channel {
    fn from(channel: CodeChannel) -> Self {
        match channel {
            CodeChannel::WhatsApp => Self::WhatsApp,
            CodeChannel::Sms => Self::Sms,
            CodeChannel::Email => Self::Email,
        }
    }
}

/// What a code is for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodePurpose {
    /// Signing in.
    #[default]
    Login,
    /// Showing that an address or number is one's own.
    Verify,
}

/// A code may be on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OtpRequested {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// What POST /api/v1/auth/verify-otp takes together with the code.
    request_id: OtpRequestId,
    /// For how long the code is good, in seconds.
    #[schema(example = 300)]
    expires_in_seconds: u64,
}

impl OtpRequested {
    pub(crate) const fn of(request_id: OtpRequestId) -> Self {
        Self { success: true, request_id, expires_in_seconds: OTP_LIFETIME.as_secs() }
    }
}

/// Ask for a code
///
/// Sends a code of six digits over WhatsApp, SMS or e-mail; the next way is taken where one fails. The answer is the same,
/// and takes as long, whether or not there is an account. At most once a minute and five times an hour for an address
/// or number from one network. Of more than twenty in an hour from all networks, those go out that were asked for where
/// somebody has signed in to the account before.
#[utoipa::path(
    post, path = "/api/v1/auth/request-otp", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = RequestOtpBody,
    responses((status = 202, body = OtpRequested, description = "If there is such an account, a code goes out"), Problems),
)]
pub(crate) async fn request_otp(
    State(app): State<App>,
    caller: Result<Caller, ApiError>,
    client: ClientInfo,
    tenant: SignInTenant,
    Json(body): Json<RequestOtpBody>,
) -> Result<(StatusCode, Json<OtpRequested>), ApiError> {
    let blind = app.vault.blind_index(&tenant.store).await?;
    let (by, index) = identified(&body, &blind)?;
    let (purpose, user_id) = match body.purpose {
        // Whoever cannot sign in any more may bring the token of then.
        CodePurpose::Login => (OtpPurpose::Login, None),
        CodePurpose::Verify => (OtpPurpose::Verify, Some(owner(&app, caller, &tenant, (by, &index)).await?)),
    };
    let id = OtpRequestId::generate(app.random.as_ref());
    let now = app.now();
    let throttles = Throttles::new("code", &index, &blind, &client);
    let network = network(&blind, &client);
    let channel = body.channel.map(Channel::from);
    let expires_at = now.plus(OTP_LIFETIME);
    let asked = OtpRequest {
        by,
        index,
        purpose,
        channel,
        network,
        for_known_only: false,
        user_id,
        code_hash: None,
        attempts: 0,
        round: 0,
        created_at: now,
        expires_at,
    };
    let requested = app.occurs(CodeRequested { request_id: id.clone(), round: 0 });
    let entry = app.entry("auth.code-requested", &client);
    // Whether there is an account is looked up afterwards, where nobody waits for it.
    tenant
        .store
        .transact("request-otp", async |tx| {
            let for_known_only = throttles.count(&tx, now).await?.is_some();
            let asked = OtpRequest { for_known_only, ..asked.clone() };
            tx.create_until(&OTP_REQUESTS, id.as_str(), &asked, expires_at)?;
            tx.emit(&requested)?;
            tx.record(&entry)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(OtpRequested::of(id))))
}

fn identified(body: &RequestOtpBody, blind: &BlindIndex) -> Result<(Identifier, String), ApiError> {
    match (&body.email, &body.phone_number) {
        (Some(email), None) => Ok((Identifier::Email, blind.exact(EMAIL_INDEX, rules::email(email)?.disclose()))),
        (None, Some(number)) => {
            Ok((Identifier::Phone, blind.exact(PHONE_INDEX, rules::phone_number(number)?.disclose())))
        }
        (None, None) => Err(ApiError::field("email", "email: name the account by this or by phoneNumber")),
        (Some(_), Some(_)) => Err(ApiError::field("phoneNumber", "phoneNumber: this or email, not both")),
    }
}

/// The signed-in user, whose own the address or number has to be.
async fn owner(
    app: &App,
    caller: Result<Caller, ApiError>,
    tenant: &SignInTenant,
    (by, index): (Identifier, &str),
) -> Result<UserId, ApiError> {
    let caller = caller?;
    if *caller.tenant() != tenant.id {
        return Err(ApiError::unauthorized(
            "Sign in to verify an address or number: it is verified for the account that is signed in.",
        ));
    }
    let user = find_own(&caller).await?;
    let key = AccountKey::of(app, &caller.store, caller.user()).await?;
    let own = key.index_of(app, &caller.store, &user, by).await?;
    if own.as_deref() == Some(index) {
        return Ok(caller.user().clone());
    }
    let field = if by == Identifier::Email { "email" } else { "phoneNumber" };
    Err(ApiError::field(field, format!("{field}: this is not what your profile has; change your profile first")))
}
