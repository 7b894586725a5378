//! Google-signed ID tokens on trigger paths: only Pub/Sub push, Cloud Scheduler and Cloud Tasks, speaking as one of our
//! service accounts, may call them.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use kernel::Clock;
use serde::Deserialize;

mod jwks;

pub use jwks::{FetchedJwks, GOOGLE_JWKS_URL, HttpJwks, JwksCache, JwksError, JwksSource};

/// Google's two spellings of itself.
pub const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// How far the issuer's clock may differ from ours, in seconds.
const LEEWAY_SECS: i64 = 30;
/// Longer text is no ID token.
const LONGEST_TOKEN: usize = 8192;

/// Whom to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// Who may have issued the token; [`GOOGLE_ISSUERS`] in the cloud.
    pub issuers: Vec<String>,
    /// What the token has to be for: the audience configured at the subscription or the job.
    pub audience: String,
    /// The service accounts that may call, by their addresses.
    pub service_accounts: Vec<String>,
    /// Whether Cloud Run's IAM has checked every caller before. It takes the signature off the tokens that it has checked,
    /// and puts [`CHECKED_SIGNATURE`] in its place; such a token is accepted by its claims alone. Where callers come
    /// unchecked, anyone could write one.
    pub checked_before: bool,
}

/// What Cloud Run leaves in the place of the signature of a token that its IAM has checked
/// (<https://cloud.google.com/run/docs/securing/service-identity#identity_tokens>).
pub const CHECKED_SIGNATURE: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerCaller {
    /// The service account's address.
    pub service_account: String,
    /// Its unique id.
    pub subject: String,
}

/// Why an ID token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It is no signed token with the claims that are needed.
    #[error("the ID token is malformed: {0}")]
    Malformed(&'static str),
    /// It is signed by another algorithm than RS256.
    #[error("the ID token is not signed by RS256")]
    WrongAlgorithm,
    /// Its key is not among the issuer's.
    #[error("the ID token's key is not among the issuer's keys")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the ID token's signature is wrong")]
    BadSignature,
    /// Another one issued it.
    #[error("the ID token's issuer is not accepted")]
    WrongIssuer,
    /// It is meant for another service: check the audience configured at the subscription or the job.
    #[error("the ID token is for another audience")]
    WrongAudience,
    /// It speaks for an account that may not call, or whose address is not verified.
    #[error("the ID token's account may not call this service")]
    WrongEmail,
    /// Its time is over.
    #[error("the ID token has expired")]
    Expired,
    /// Its time has not come: the clocks differ by more than 30 seconds.
    #[error("the ID token is not valid yet")]
    NotYetValid,
    /// The issuer's keys cannot be had. Trying again later may help.
    #[error("the issuer's keys are not available")]
    KeysUnavailable(#[source] Arc<JwksError>),
}

impl OidcError {
    /// Whether the same token may be accepted later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::KeysUnavailable(_) | Self::NotYetValid)
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: OneOrMany,
    sub: String,
    exp: i64,
    iat: i64,
    email: Option<String>,
    email_verified: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Checks ID tokens.
pub struct OidcVerifier {
    config: OidcConfig,
    keys: JwksCache,
    clock: Arc<dyn Clock>,
    validation: Validation,
}

impl OidcVerifier {
    /// Accepts what `config` says, by the keys of `source`.
    pub fn new(config: OidcConfig, source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        // The claims are checked below, by our clock and with an error for each.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { config, keys: JwksCache::new(source, Arc::clone(&clock)), clock, validation }
    }

    /// Who the token speaks for, if it is to be accepted.
    pub async fn verify(&self, token: &str) -> Result<TriggerCaller, OidcError> {
        if token.len() > LONGEST_TOKEN {
            return Err(OidcError::Malformed("it is too long"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // An algorithm without a name here ("none") is an error of the header's JSON.
            ErrorKind::Json(error) if error.is_data() => OidcError::WrongAlgorithm,
            _ => OidcError::Malformed("its header"),
        })?;
        if header.alg != Algorithm::RS256 {
            return Err(OidcError::WrongAlgorithm);
        }
        if header.crit.is_some() {
            return Err(OidcError::Malformed("its header has critical extensions"));
        }
        if let Some(unsigned) = token.strip_suffix(CHECKED_SIGNATURE).filter(|_| self.config.checked_before) {
            return self.accept(claims_of(unsigned)?);
        }
        let key_id = header.kid.ok_or(OidcError::Malformed("its header names no key"))?;
        let key = self.keys.key(&key_id).await?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => OidcError::BadSignature,
            _ => OidcError::Malformed("its claims"),
        })?;
        self.accept(claims.claims)
    }

    fn accept(&self, claims: Claims) -> Result<TriggerCaller, OidcError> {
        if !self.config.issuers.contains(&claims.iss) {
            return Err(OidcError::WrongIssuer);
        }
        let is_for_us = match &claims.aud {
            OneOrMany::One(audience) => *audience == self.config.audience,
            OneOrMany::Many(audiences) => audiences.contains(&self.config.audience),
        };
        if !is_for_us {
            return Err(OidcError::WrongAudience);
        }
        let now = self.clock.now().as_secs();
        if claims.exp.saturating_add(LEEWAY_SECS) <= now {
            return Err(OidcError::Expired);
        }
        if claims.iat.saturating_sub(LEEWAY_SECS) > now {
            return Err(OidcError::NotYetValid);
        }
        let email = claims.email.filter(|_| claims.email_verified == Some(true)).ok_or(OidcError::WrongEmail)?;
        if !self.config.service_accounts.iter().any(|account| account.eq_ignore_ascii_case(&email)) {
            return Err(OidcError::WrongEmail);
        }
        Ok(TriggerCaller { service_account: email, subject: claims.sub })
    }
}

/// The claims of `<header>.<claims>.`.
fn claims_of(unsigned: &str) -> Result<Claims, OidcError> {
    let malformed = || OidcError::Malformed("its claims");
    let mut parts = unsigned.split('.');
    let (Some(_), Some(claims), Some(""), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let json = URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed())?;
    serde_json::from_slice(&json).map_err(|_| malformed())
}

impl fmt::Debug for OidcVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OidcVerifier({:?})", self.config)
    }
}
