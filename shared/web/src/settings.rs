use std::time::Duration;

use access::outside::OutsideIssuers;
use connect::gemini::{Credential, GEMINI_API, SecretText};
use kernel::{Email, TenantId};

use crate::RateLimits;

/// What functions can be told by configuration; the runtime reads it from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant of a sign-in that names none.
    pub default_tenant: Option<TenantId>,
    /// The origins that browsers may call from, such as `https://app.consentmd.com`.
    pub allowed_origins: Vec<String>,
    /// How many proxies in front append to `X-Forwarded-For`; the client's address is the entry before theirs. 0: the
    /// peer's own address counts.
    pub trusted_proxies: usize,
    /// How long a session lives in all, however often it is refreshed.
    pub session_life: Duration,
    /// After how long without a request a session ends.
    pub session_idle: Duration,
    /// Where the frontend is, without a slash at the end: links in messages begin with it.
    pub app_url: String,
    /// Whether the refresh cookie is sent over HTTPS only.
    pub secure_cookies: bool,
    /// Whether people sign in and register here. Where not, outside issuers vouch for everybody.
    pub built_in_sign_in: bool,
    /// The outside issuers that are trusted.
    pub outside: OutsideIssuers,
    /// Who is invited where the default tenant has no administrator.
    pub first_admin: Option<Email>,
    /// How many requests are served in a minute.
    pub limits: RateLimits,
    /// The scribe's.
    pub scribe: ScribeSettings,
}

/// Which engine writes notes. Its `Debug` shows no key.
#[derive(Debug, Clone)]
pub struct ScribeSettings {
    /// How to show the Gemini API, or Vertex AI, who asks; without it the extractive engine writes.
    pub credential: Option<Credential>,
    /// The model's id.
    pub model: String,
    /// The API's base address.
    pub base_url: String,
}

impl ScribeSettings {
    /// Asks the Gemini API by this key, if there is one.
    pub fn api_key(&mut self, key: Option<String>) {
        self.credential = key.map(|key| Credential::ApiKey(SecretText::new(key)));
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_tenant: None,
            allowed_origins: Vec::new(),
            trusted_proxies: 0,
            session_life: Duration::from_secs(7 * 24 * 3600),
            session_idle: Duration::from_secs(30 * 60),
            app_url: "http://localhost:3000".to_owned(),
            secure_cookies: true,
            built_in_sign_in: true,
            outside: OutsideIssuers::default(),
            first_admin: None,
            limits: RateLimits::default(),
            scribe: ScribeSettings {
                credential: None,
                model: "gemini-2.5-flash".to_owned(),
                base_url: GEMINI_API.to_owned(),
            },
        }
    }
}
