//! Access tokens: short-lived JWTs under ES256 that carry a [`Principal`]. There is no e-mail address and no name in
//! them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use kernel::{Random, RandomExt, Role, SessionId, TenantId, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::Principal;
use keys::Signing;

mod keys;
mod pem;
mod verifying;

pub use keys::{SigningKeys, SigningKeysError};
pub use verifying::VerifyingKeys;

/// Who issues our tokens, and for whom, unless configured otherwise.
pub const CONSENTMD: &str = "consentmd";
/// How long a token holds, unless configured otherwise.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How far the clocks of two machines may differ, in seconds.
const LEEWAY_SECS: i64 = 30;
/// The "typ" of access tokens.
const JWT: &str = "JWT";
/// Longer text is no token of ours.
const LONGEST_TOKEN: usize = 4096;

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tid: TenantId,
    sid: SessionId,
    role: Role,
    verified: bool,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: String,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is one of ours, and its time is over.
    #[error("the access token has expired")]
    Expired,
    /// It is none of ours, or was altered, or is not valid yet.
    #[error("the access token is not valid")]
    Invalid,
}

/// Why a token or statement was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningFailed {
    /// This process has public keys only.
    #[error("there is no signing key here: a function that signs has to say that it needs one")]
    NoKey,
    /// It could not be.
    #[error("a token could not be signed")]
    Failed(#[source] jsonwebtoken::errors::Error),
}

/// Issues and checks access tokens, or only checks them. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    signing: Option<Arc<Signing>>,
    verifying: Arc<VerifyingKeys>,
    issuer: String,
    audience: String,
    lifetime: Duration,
    validation: Arc<Validation>,
    random: Arc<dyn Random>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs = if self.signing.is_some() { "signs" } else { "verifies only" };
        write!(f, "Tokens({signs}, {:?}, {} for {})", self.verifying, self.issuer, self.audience)
    }
}

impl Tokens {
    /// Tokens under these keys, from and for `consentmd`, that hold for 15 minutes. `random` is for their ids.
    pub fn new(keys: SigningKeys, random: Arc<dyn Random>) -> Self {
        Self::with(keys, random, CONSENTMD, CONSENTMD, LIFETIME)
    }

    /// Tokens with another issuer, audience or lifetime.
    pub fn with(keys: SigningKeys, random: Arc<dyn Random>, issuer: &str, audience: &str, lifetime: Duration) -> Self {
        let (signing, verifying) = keys.into_parts();
        Self::of(Some(signing), verifying, random, issuer, audience, lifetime)
    }

    /// Tokens from and for `consentmd` that are only checked here.
    pub fn verifying(keys: VerifyingKeys, random: Arc<dyn Random>) -> Self {
        Self::of(None, keys, random, CONSENTMD, CONSENTMD, LIFETIME)
    }

    /// The same, without the key that signs.
    #[must_use]
    pub fn without_signing(&self) -> Self {
        Self { signing: None, ..self.clone() }
    }

    /// Whether this process signs.
    pub const fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    fn of(
        signing: Option<Signing>,
        verifying: VerifyingKeys,
        random: Arc<dyn Random>,
        issuer: &str,
        audience: &str,
        lifetime: Duration,
    ) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are compared with the caller's clock, below.
        validation.validate_exp = false;
        Self {
            signing: signing.map(Arc::new),
            verifying: Arc::new(verifying),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime,
            validation: Arc::new(validation),
            random,
        }
    }

    /// How long a token holds.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A token for this principal, from `now` on.
    pub fn issue(&self, principal: &Principal, now: Time) -> Result<String, SigningFailed> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: principal.user.clone(),
            tid: principal.tenant.clone(),
            sid: principal.session.clone(),
            role: principal.role,
            verified: principal.verified,
            iat: now.as_secs(),
            nbf: None,
            exp: now.plus(self.lifetime).as_secs(),
            jti: self.random.uuid().to_string(),
        };
        self.sign(JWT, &claims)
    }

    /// Who a token speaks for.
    pub fn verify(&self, token: &str, now: Time) -> Result<Principal, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.as_deref().and_then(|id| self.verifying.of_tokens(id)).ok_or(TokenError::Invalid)?;
        // "crit" names extensions that must be understood, and we understand none (RFC 7515, section 4.1.11). Another
        // "typ" is a statement of ours, which is no token.
        if header.crit.is_some() || header.typ.as_deref() != Some(JWT) {
            return Err(TokenError::Invalid);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &self.validation);
        let claims = decoded.map_err(|error| log_refusal(error.kind()))?.claims;
        let now = now.as_secs();
        let starts = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        if starts.saturating_sub(LEEWAY_SECS) > now {
            return Err(TokenError::Invalid);
        }
        if now >= claims.exp {
            return Err(TokenError::Expired);
        }
        Ok(Principal {
            user: claims.sub,
            tenant: claims.tid,
            role: claims.role,
            session: claims.sid,
            verified: claims.verified,
        })
    }

    /// A statement of this installation that outlives any token (a certificate, a checkpoint), as a compact JWS. `typ` in
    /// its header says what kind it is, so that no statement passes for an access token, nor for one of another kind.
    pub fn sign_statement(&self, typ: &str, statement: &serde_json::Value) -> Result<String, SigningFailed> {
        self.sign(typ, statement)
    }

    fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed::NoKey)?;
        let mut header = Header { kid: Some(signing.id.clone()), ..Header::new(Algorithm::ES256) };
        header.typ = Some(typ.to_owned());
        jsonwebtoken::encode(&header, claims, &signing.key).map_err(SigningFailed::Failed)
    }

    /// What a statement of [`Tokens::sign_statement`] says, where it was signed by one of our keys and is of this kind.
    pub fn verify_statement(&self, typ: &str, statement: &str) -> Result<serde_json::Value, TokenError> {
        let header = jsonwebtoken::decode_header(statement).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.as_deref().and_then(|id| self.verifying.of_statements(id)).ok_or(TokenError::Invalid)?;
        if header.typ.as_deref() != Some(typ) || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<serde_json::Value>(statement, key, &validation);
        Ok(decoded.map_err(|error| log_refusal(error.kind()))?.claims)
    }

    /// The public keys, for whoever checks our tokens (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        self.verifying.jwks()
    }
}

/// The kind of refusal helps operators; the token and its content stay out of the log.
fn log_refusal(kind: &ErrorKind) -> TokenError {
    let reason = match kind {
        ErrorKind::InvalidSignature => "signature",
        ErrorKind::InvalidAlgorithm => "algorithm",
        ErrorKind::InvalidIssuer => "issuer",
        ErrorKind::InvalidAudience => "audience",
        ErrorKind::MissingRequiredClaim(_) => "missing claim",
        _ => "form",
    };
    tracing::debug!(reason, "access token refused");
    TokenError::Invalid
}
