//! Accounts of people whom an outside issuer vouches for: made at first sight, kept as the issuer says later on.
//!
//! Issuer and subject are one account, whatever else is said. An account that was here before is only taken for the same
//! person where the issuer is configured for that and both sides have verified the same address. An account that was
//! made so has no password and follows the issuer's name, address and role; what an administrator changes here holds
//! until the issuer says something new.

use std::num::NonZeroUsize;

use access::Principal;
use access::outside::{OutsideError, OutsideIssuers};
use async_trait::async_trait;
use aws_lc_rs::digest;
use kernel::Time;
use lru::LruCache;
use parking_lot::Mutex;
use std::time::Duration;
use web::{ApiError, App, ClientInfo, OutsideSignIn};

mod arrival;
mod follow;
mod newcomer;

use arrival::Arrival;

/// For how long a token that was checked is not checked again. Its session is asked for all the same.
const BELIEVED: Duration = Duration::from_secs(60);
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Makes callers of outside issuers' tokens.
pub struct Outsiders {
    issuers: OutsideIssuers,
    /// By the token's SHA-256.
    known: Mutex<LruCache<Vec<u8>, (Principal, Time)>>,
}

impl Outsiders {
    /// For tokens of these issuers.
    pub fn new(issuers: OutsideIssuers) -> Self {
        Self { issuers, known: Mutex::new(LruCache::new(REMEMBERED)) }
    }
}

impl std::fmt::Debug for Outsiders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outsiders({:?})", self.issuers)
    }
}

#[async_trait]
impl OutsideSignIn for Outsiders {
    async fn principal(&self, app: &App, token: &str, client: &ClientInfo) -> Result<Option<Principal>, ApiError> {
        if self.issuers.is_empty() {
            return Ok(None);
        }
        let now = app.now();
        let id = digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec();
        if let Some((principal, until)) = self.known.lock().get(&id)
            && now < *until
        {
            return Ok(Some(principal.clone()));
        }
        let verified = self.issuers.verify(token).await.map_err(|error| refusal(error, &self.issuers))?;
        let Some(outsider) = verified else { return Ok(None) };
        let Some(store) = app.tenants.open(&outsider.tenant).await? else {
            return Err(ApiError::unauthorized("The clinic of this token is not served here."));
        };
        let principal = Arrival::new(app, &store, &outsider, client).await?.admit().await?;
        let until = now.plus(BELIEVED).min(outsider.expires_at);
        self.known.lock().put(id, (principal.clone(), until));
        Ok(Some(principal))
    }
}

/// What the sender of a token is told; why in detail is for the log.
fn refusal(error: OutsideError, issuers: &OutsideIssuers) -> ApiError {
    let refused = match error {
        OutsideError::KeysUnavailable(_) => {
            return ApiError::unavailable("The service where you signed in does not answer. Please try again.", error);
        }
        OutsideError::Expired => {
            ApiError::unauthorized("The access token has expired. Get a new one where you signed in.")
        }
        other => {
            tracing::debug!(reason = %other, "an outside token was refused");
            ApiError::unauthorized("The access token is not valid. Sign in again.")
        }
    };
    match issuers.sign_in_url() {
        Some(url) => refused.detail("signInUrl", url),
        None => refused,
    }
}
