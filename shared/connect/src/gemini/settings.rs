use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

/// The base address of the Gemini API. That of Vertex AI is
/// `https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/google`.
pub const GEMINI_API: &str = "https://generativelanguage.googleapis.com/v1beta";

/// A key or token. It cannot be printed and is cleared from memory when it is dropped.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the secret in.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// No access token can be had now.
#[derive(Debug, thiserror::Error)]
#[error("no access token for Google")]
pub struct TokenUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where access tokens for Vertex AI come from; it caches and renews them.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is valid now.
    async fn access_token(&self) -> Result<SecretText, TokenUnavailable>;
}

/// How we show who we are. Never in the URL, which ends up in logs.
#[derive(Clone)]
pub enum Credential {
    /// The header `x-goog-api-key`.
    ApiKey(SecretText),
    /// The header `Authorization`, for Vertex AI.
    AccessToken(Arc<dyn TokenSource>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(..)",
            Self::AccessToken(_) => "AccessToken(..)",
        })
    }
}

/// Which model is asked, where and how.
#[derive(Debug, Clone)]
pub struct GeminiSettings {
    pub(super) base_url: String,
    pub(super) model: String,
    pub(super) credential: Credential,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) longest_wait: Duration,
}

/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// The base address is no `https` address.
    #[error("the Gemini base address must start with https:// (http:// only for this machine) and have no query")]
    BaseUrl,
    /// The model's name cannot stand in a URL.
    #[error("the Gemini model's name must be letters, digits, '.', '-', '_' or '@', such as gemini-2.5-flash")]
    Model,
}

impl GeminiSettings {
    /// The model `model` at `base_url`: 60 s for an answer, 3 attempts, 20 s at most between two of them.
    pub fn new(base_url: &str, model: &str, credential: Credential) -> Result<Self, InvalidSettings> {
        let base_url = base_url.trim_end_matches('/');
        if !is_safe_address(base_url) {
            return Err(InvalidSettings::BaseUrl);
        }
        let is_name_character = |c: u8| c.is_ascii_alphanumeric() || b".-_@".contains(&c);
        if model.is_empty() || model.starts_with('.') || !model.bytes().all(is_name_character) {
            return Err(InvalidSettings::Model);
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            credential,
            timeout: Duration::from_secs(60),
            attempts: 3,
            longest_wait: Duration::from_secs(20),
        })
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often at most the model is asked (at least once), and how long at most to wait between two attempts.
    #[must_use]
    pub fn with_patience(mut self, attempts: u32, longest_wait: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.longest_wait = longest_wait;
        self
    }

    pub(super) fn url(&self) -> String {
        format!("{}/models/{}:generateContent", self.base_url, self.model)
    }
}

/// Personal data goes out encrypted, or does not leave the machine.
fn is_safe_address(address: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(address) else {
        return false;
    };
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && url.password().is_none() && (url.scheme() == "https" || (url.scheme() == "http" && is_local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(base_url: &str, model: &str) -> Result<String, InvalidSettings> {
        let key = Credential::ApiKey(SecretText::new("canary-key".to_owned()));
        GeminiSettings::new(base_url, model, key).map(|settings| settings.url())
    }

    #[test]
    fn the_model_and_the_address_are_configuration() {
        let google = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent";
        assert_eq!(settings(GEMINI_API, "gemini-2.5-flash").unwrap(), google);
        assert_eq!(settings("http://127.0.0.1:99/x/", "m").unwrap(), "http://127.0.0.1:99/x/models/m:generateContent");
        for bad in ["http://example.org", "ftp://x", "", "https://u:p@x.org", "https://x.org?key=1"] {
            assert_eq!(settings(bad, "m"), Err(InvalidSettings::BaseUrl), "{bad}");
        }
        for bad in ["", "../x", "a/b", "a?b", "a b"] {
            assert_eq!(settings(GEMINI_API, bad), Err(InvalidSettings::Model), "{bad}");
        }
    }

    #[test]
    fn the_key_is_never_printed() {
        let key = Credential::ApiKey(SecretText::new("canary-key".to_owned()));
        let settings = GeminiSettings::new(GEMINI_API, "m", key).unwrap();
        assert!(!format!("{settings:?} {:?}", SecretText::new("canary-key".to_owned())).contains("canary"));
    }
}
