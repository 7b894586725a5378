//! Tokens of other identity providers: an older system of the same house, any OpenID provider, Google Identity Platform.
//!
//! Which provider a token may come from is chosen by what it claims (`iss`, not yet verified); everything else is then
//! held against that provider's configuration: the algorithm is the configured one and never the token's choice, so a
//! public key is never taken for a secret. What the token says about a person is brought to our words by the
//! configured mapping; what it lacks may come from the provider's user endpoint.
//!
//! Whether there is an account, and what becomes of it, is not decided here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Clock, Email, Phi, Role, TenantId, Time};
use serde::Deserialize;
use serde_json::Value;

mod config;
mod endpoint;
mod error;
mod keys;
mod mapping;

pub use config::{
    Claims, IssuerConfig, IssuerConfigError, KeySource, PublicAlgorithm, TenantRule, UserEndpoint, parse_issuers,
};
pub use error::OutsideError;

use endpoint::Endpoint;
use keys::IssuerKeys;
use mapping::Mapped;

/// How far an issuer's clock may differ from ours, in seconds.
pub(crate) const LEEWAY_SECS: i64 = 30;
/// Longer text is no token.
const LONGEST_TOKEN: usize = 8192;
/// Longer text names nobody.
const LONGEST_SUBJECT: usize = 255;

/// What a trusted issuer says of a person.
#[derive(Debug, Clone)]
pub struct Outsider {
    /// The issuer.
    pub issuer: String,
    /// The person, as the issuer knows them; unique there.
    pub subject: String,
    /// What tells this sign-in from others of the same person: the token's `sid`, else its `jti`, else its `iat`.
    pub sign_in: String,
    /// When the token was issued.
    pub issued_at: Time,
    /// When it expires.
    pub expires_at: Time,
    /// The tenant.
    pub tenant: TenantId,
    /// The e-mail address.
    pub email: Option<Email>,
    /// Whether the issuer says that the address is the person's.
    pub email_verified: bool,
    /// The name.
    pub name: Option<Phi<String>>,
    /// The role, by the configured map.
    pub role: Option<Role>,
    /// The role of those about whom nothing else is said.
    pub default_role: Option<Role>,
    /// Whether this is all that the issuer says: not while its user endpoint gives no answer.
    pub is_complete: bool,
    /// Whether the issuer's word is enough to verify staff.
    pub verifies_staff: bool,
    /// Whether an account with the same verified address is the same person's.
    pub links_by_email: bool,
}

/// All issuers that are trusted. Cheap to clone; without any, no token is taken.
#[derive(Clone, Default)]
pub struct OutsideIssuers(Arc<[Issuer]>);

struct Issuer {
    config: IssuerConfig,
    keys: IssuerKeys,
    endpoint: Option<Endpoint>,
    clock: Arc<dyn Clock>,
}

impl OutsideIssuers {
    /// These issuers, asked through a client that has timeouts and follows no redirects.
    pub fn new(configs: Vec<IssuerConfig>, client: &reqwest::Client, clock: &Arc<dyn Clock>) -> Self {
        let issuer = |config: IssuerConfig| Issuer {
            keys: IssuerKeys::of(&config, client, clock),
            endpoint: config.user_endpoint.clone().map(|at| Endpoint::new(at, client.clone(), clock.clone())),
            clock: clock.clone(),
            config,
        };
        Self(configs.into_iter().map(issuer).collect())
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where people sign in, for those who ask us.
    pub fn sign_in_url(&self) -> Option<&str> {
        self.0.iter().find_map(|issuer| issuer.config.sign_in_url.as_deref())
    }

    /// Whom the token is about; `None` where it claims no issuer that is trusted.
    pub async fn verify(&self, token: &str) -> Result<Option<Outsider>, OutsideError> {
        let Some(claimed) = claimed_issuer(token) else { return Ok(None) };
        match self.0.iter().find(|issuer| issuer.config.issuer == claimed) {
            Some(issuer) => issuer.verify(token).await.map(Some),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for OutsideIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|issuer| &issuer.config.issuer)).finish()
    }
}

/// Who a token says has issued it. To be believed only after its signature.
fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    if token.len() > LONGEST_TOKEN {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claimed>(&claims).ok().map(|claimed| claimed.iss)
}

impl Issuer {
    async fn verify(&self, token: &str) -> Result<Outsider, OutsideError> {
        let claims = self.keys.open(token).await?;
        let times = self.accept(&claims)?;
        let subject = text(&claims, &self.config.claims.subject).filter(|subject| subject.len() <= LONGEST_SUBJECT);
        let subject = subject.ok_or(OutsideError::Malformed("its subject"))?;
        let asked = match &self.endpoint {
            Some(endpoint) => endpoint.about(&subject, token).await?,
            None => None,
        };
        let is_complete = self.endpoint.is_none() || asked.is_some();
        let Mapped { email, email_verified, name, role } = Mapped::of(&self.config, &claims, asked.as_deref());
        let sign_in = ["sid", "jti"].iter().find_map(|name| Some(format!("{name}:{}", text(&claims, name)?)));
        Ok(Outsider {
            issuer: self.config.issuer.clone(),
            sign_in: sign_in.unwrap_or_else(|| format!("iat:{}", times.issued)),
            issued_at: Time::from_millis(times.issued.saturating_mul(1000)),
            expires_at: Time::from_millis(times.expires.saturating_mul(1000)),
            tenant: self.tenant(&claims)?,
            subject,
            email,
            email_verified,
            name,
            role,
            default_role: self.config.default_role,
            is_complete,
            verifies_staff: self.config.verifies_staff,
            links_by_email: self.config.link_by_email,
        })
    }

    /// Who issued it, for whom, and when it holds.
    fn accept(&self, claims: &Value) -> Result<Times, OutsideError> {
        if claims["iss"] != self.config.issuer.as_str() {
            return Err(OutsideError::Malformed("its issuer"));
        }
        let is_for = |wanted: &str| match &claims["aud"] {
            Value::Array(many) => many.iter().any(|one| one == wanted),
            one => one == wanted,
        };
        // Without a configured audience (a shared secret binds the two already), a token that names one is another's.
        if !self.config.audience.as_deref().map_or(claims.get("aud").is_none_or(Value::is_null), is_for) {
            return Err(OutsideError::WrongAudience);
        }
        let seconds = |name: &'static str| whole_seconds(&claims[name]);
        let expires = seconds("exp").ok_or(OutsideError::Malformed("its expiry"))?;
        let issued = seconds("iat").ok_or(OutsideError::Malformed("its time of issue"))?;
        let now = self.clock.now().as_secs();
        if now >= expires {
            return Err(OutsideError::Expired);
        }
        let starts = match &claims["nbf"] {
            Value::Null => issued,
            given => whole_seconds(given).ok_or(OutsideError::Malformed("its beginning"))?.max(issued),
        };
        if starts.saturating_sub(LEEWAY_SECS) > now {
            return Err(OutsideError::NotYetValid);
        }
        Ok(Times { issued, expires })
    }

    fn tenant(&self, claims: &Value) -> Result<TenantId, OutsideError> {
        match &self.config.tenant {
            TenantRule::Fixed(tenant) => Ok(tenant.clone()),
            TenantRule::Claim { claim, allowed } => {
                let named = text(claims, claim).and_then(|text| text.parse::<TenantId>().ok());
                named.filter(|tenant| allowed.contains(tenant)).ok_or(OutsideError::WrongTenant)
            }
        }
    }
}

struct Times {
    issued: i64,
    expires: i64,
}

/// A NumericDate (RFC 7519, section 2): seconds, perhaps with a fraction.
#[expect(clippy::cast_possible_truncation, reason = "a fraction of a second is left out; the range is checked")]
fn whole_seconds(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).map(|seconds| seconds as i64))
}

/// A claim as text, by its path: `sub`, or `realm.user.id`. Numbers count, as ids of older systems often are.
fn text(claims: &Value, path: &str) -> Option<String> {
    match mapping::at(claims, path)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// How long a person's answer of a user endpoint is kept, unless configured otherwise.
pub(crate) const KEPT: Duration = Duration::from_secs(300);
