use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey};
use kernel::{Clock, Time};
use parking_lot::Mutex;
use reqwest::header::CACHE_CONTROL;
use serde::Deserialize;

use super::OidcError;

/// Where Google publishes the keys of its ID tokens.
pub const GOOGLE_JWKS_URL: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// A key set counts as fresh for at least this long, whatever its server says.
const FRESH_AT_LEAST: Duration = Duration::from_secs(60);
/// A key set counts as fresh for at most this long.
const FRESH_AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys whose time is over still serve for this long while their server does not answer.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// An unknown key id asks for the set again at most this often.
const PAUSE: Duration = Duration::from_secs(60);
/// After a failure it is asked again sooner.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// A larger answer is no key set.
const MOST_BYTES: usize = 256 * 1024;

/// A key set as it was fetched.
#[derive(Debug, Clone)]
pub struct FetchedJwks {
    /// The JSON (RFC 7517).
    pub json: Vec<u8>,
    /// How long its server says that it holds; `None` where it says nothing.
    pub max_age: Option<Duration>,
}

/// Why a key set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The server did not answer.
    #[error("the key set's server did not answer")]
    Http(#[from] reqwest::Error),
    /// The server answered with an error.
    #[error("the key set's server answered with status {0}")]
    Status(u16),
    /// The answer is larger than any key set.
    #[error("the key set has more than {MOST_BYTES} bytes")]
    TooLarge,
    /// The answer is no key set.
    #[error("the key set is not what RFC 7517 says")]
    Malformed(#[source] serde_json::Error),
}

/// Where a key set comes from.
#[async_trait]
pub trait JwksSource: Send + Sync {
    /// Fetches it.
    async fn fetch(&self) -> Result<FetchedJwks, JwksError>;
}

/// A key set behind a URL.
#[derive(Debug, Clone)]
pub struct HttpJwks {
    client: reqwest::Client,
    url: String,
}

impl HttpJwks {
    /// The key set at `url` ([`GOOGLE_JWKS_URL`]), through a client that has timeouts.
    pub fn new(client: reqwest::Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

#[async_trait]
impl JwksSource for HttpJwks {
    async fn fetch(&self) -> Result<FetchedJwks, JwksError> {
        let mut response = self.client.get(&self.url).send().await?;
        if !response.status().is_success() {
            return Err(JwksError::Status(response.status().as_u16()));
        }
        let max_age = response.headers().get(CACHE_CONTROL).and_then(|value| max_age(value.to_str().ok()?));
        let mut json = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if json.len() + chunk.len() > MOST_BYTES {
                return Err(JwksError::TooLarge);
            }
            json.extend_from_slice(&chunk);
        }
        Ok(FetchedJwks { json, max_age })
    }
}

fn max_age(cache_control: &str) -> Option<Duration> {
    let seconds = cache_control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// Keeps a key set for as long as its server says, and asks again for an unknown key id, at most once a minute.
pub struct JwksCache {
    source: Arc<dyn JwksSource>,
    algorithm: Algorithm,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while the set is fetched, so that of many callers one fetches.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, DecodingKey>,
    fresh_until: Option<Time>,
    next_fetch: Option<Time>,
    last_failure: Option<Arc<JwksError>>,
}

impl JwksCache {
    /// An empty cache of keys for RS256: the first question fetches.
    pub fn new(source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        Self::of_algorithm(source, clock, Algorithm::RS256)
    }

    /// An empty cache of keys for RS256 or ES256, whichever; keys for others are passed over.
    pub fn of_algorithm(source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>, algorithm: Algorithm) -> Self {
        Self { source, algorithm, clock, state: Mutex::default(), fetching: tokio::sync::Mutex::new(()) }
    }

    /// The key with this id.
    pub async fn key(&self, id: &str) -> Result<DecodingKey, OidcError> {
        if let Some(key) = self.fresh(id) {
            return Ok(key);
        }
        let _fetching = self.fetching.lock().await;
        // Another caller may have fetched while this one waited.
        if let Some(key) = self.fresh(id) {
            return Ok(key);
        }
        if self.may_fetch() {
            self.fetch().await;
        }
        self.at_hand(id)
    }

    fn fresh(&self, id: &str) -> Option<DecodingKey> {
        let state = self.state.lock();
        let is_fresh = state.fresh_until.is_some_and(|until| self.clock.now() < until);
        is_fresh.then(|| state.keys.get(id).cloned()).flatten()
    }

    fn may_fetch(&self) -> bool {
        self.state.lock().next_fetch.is_none_or(|next| self.clock.now() >= next)
    }

    /// The failure of a fetch is kept for the answer: the keys at hand may still do.
    async fn fetch(&self) {
        let fetched = self.source.fetch().await;
        let fetched = fetched.and_then(|fetched| Ok((parse(&fetched.json, self.algorithm)?, fetched.max_age)));
        let now = self.clock.now();
        let mut state = self.state.lock();
        match fetched {
            Ok((keys, max_age)) => {
                let fresh_for = max_age.unwrap_or_default().clamp(FRESH_AT_LEAST, FRESH_AT_MOST);
                *state = State {
                    keys,
                    fresh_until: Some(now.plus(fresh_for)),
                    next_fetch: Some(now.plus(PAUSE)),
                    last_failure: None,
                };
            }
            Err(error) => {
                tracing::warn!(error = %error, "the key set of ID tokens could not be fetched");
                state.next_fetch = Some(now.plus(PAUSE_AFTER_FAILURE));
                state.last_failure = Some(Arc::new(error));
            }
        }
    }

    fn at_hand(&self, id: &str) -> Result<DecodingKey, OidcError> {
        let state = self.state.lock();
        let may_serve = state.fresh_until.is_some_and(|until| self.clock.now() < until.plus(GRACE));
        match state.keys.get(id) {
            Some(key) if may_serve => Ok(key.clone()),
            _ => Err(state.last_failure.clone().map_or(OidcError::UnknownKey, OidcError::KeysUnavailable)),
        }
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwksCache({} keys)", self.state.lock().keys.len())
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// A public key, whichever kind (RFC 7518, section 6).
#[derive(Deserialize)]
struct PublicKey {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl PublicKey {
    fn decoding(&self, algorithm: Algorithm) -> Option<DecodingKey> {
        let (name, kind) = match algorithm {
            Algorithm::RS256 => ("RS256", "RSA"),
            Algorithm::ES256 => ("ES256", "EC"),
            _ => return None,
        };
        let fits = self.kty == kind
            && self.alg.as_ref().is_none_or(|alg| alg == name)
            && self.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
        if !fits {
            return None;
        }
        match kind {
            "RSA" => DecodingKey::from_rsa_components(self.n.as_ref()?, self.e.as_ref()?).ok(),
            _ if self.crv.as_deref() == Some("P-256") => {
                DecodingKey::from_ec_components(self.x.as_ref()?, self.y.as_ref()?).ok()
            }
            _ => None,
        }
    }
}

/// The keys that can check this algorithm. A set may hold others, which are passed over (RFC 7517, section 5).
fn parse(json: &[u8], algorithm: Algorithm) -> Result<HashMap<String, DecodingKey>, JwksError> {
    let set: KeySet = serde_json::from_slice(json).map_err(JwksError::Malformed)?;
    let usable = |key: serde_json::Value| {
        let key: PublicKey = serde_json::from_value(key).ok()?;
        let decoding = key.decoding(algorithm)?;
        Some((key.kid, decoding))
    };
    Ok(set.keys.into_iter().filter_map(usable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_found_among_directives() {
        assert_eq!(max_age("public, max-age=19204, must-revalidate"), Some(Duration::from_secs(19204)));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
        assert_eq!(max_age("s-maxage=5"), None);
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let set = br#"{"keys":[{"kty":"EC","kid":"e","crv":"P-256","x":"AA","y":"AA"},
            {"kty":"EC","kid":"other-curve","crv":"P-384","x":"AA","y":"AA"},
            {"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","kid":"bad","n":"*","e":"AQAB"},
            {"kty":"RSA","kid":"good","alg":"RS256","use":"sig","n":"AQAB","e":"AQAB"}]}"#;
        let ids = |algorithm| parse(set, algorithm).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(ids(Algorithm::RS256), ["good"]);
        assert_eq!(ids(Algorithm::ES256), ["e"]);
        assert!(matches!(parse(b"[]", Algorithm::RS256), Err(JwksError::Malformed(_))));
    }
}
