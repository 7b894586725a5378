//! Google Gemini, `generateContent` with a response schema: the Gemini API by key, or Vertex AI by access token.
//!
//! The client knows nothing of medicine: it takes an instruction, a prompt and a schema, and gives back the JSON that
//! the model wrote, or an error that says why there is none.

mod error;
mod retry;
mod settings;
mod wire;

use std::time::Duration;

use kernel::{Phi, Random};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;

pub use error::GeminiError;
use retry::Patience;
pub use settings::{
    Credential, GEMINI_API, GeminiSettings, InvalidSettings, SecretText, TokenSource, TokenUnavailable,
};

/// The largest answer that is read. A note is a few thousand bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What the model is asked.
#[derive(Debug, Clone)]
pub struct GenerateJson {
    /// What the model is to do: fixed text of ours, without personal data.
    pub instruction: String,
    /// What it is to do it with. It may hold personal data, and is disclosed to Google when it is sent.
    pub prompt: Phi<String>,
    /// The shape of the answer, in the OpenAPI subset that `responseSchema` takes.
    pub schema: Value,
    /// How many tokens the answer may have, thinking included.
    pub max_output_tokens: u32,
}

/// A Gemini model.
pub struct GeminiClient {
    http: reqwest::Client,
    settings: GeminiSettings,
    patience: Patience,
}

impl std::fmt::Debug for GeminiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeminiClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl GeminiClient {
    /// A client of the model that the settings name.
    pub fn new(settings: GeminiSettings) -> Result<Self, crate::http::NoHttpClient> {
        let http = crate::http::client(settings.timeout)?;
        let patience = Patience { attempts: settings.attempts, longest_wait: settings.longest_wait };
        Ok(Self { http, settings, patience })
    }

    /// The model's name, such as `gemini-2.5-flash`.
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// Asks the model, and again where Google says that this may help: at most the configured number of attempts, and
    /// never with a wait longer than the configured one.
    #[tracing::instrument(name = "gemini.generate", skip_all, fields(model = %self.settings.model))]
    pub async fn generate_json(&self, ask: &GenerateJson, random: &dyn Random) -> Result<Phi<Value>, GeminiError> {
        let mut attempt = 1;
        loop {
            let error = match self.generate_once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) = self.patience.wait_after(&error, attempt, random) else {
                return Err(error);
            };
            tracing::warn!(%error, attempt, wait_ms = wait.as_millis(), "gemini will be asked again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn generate_once(&self, ask: &GenerateJson) -> Result<Phi<Value>, GeminiError> {
        let request = self.http.post(self.settings.url()).headers(self.credential_headers().await?);
        let response = request.json(&wire::request(ask)).send().await.map_err(GeminiError::from_transport)?;
        let status = response.status();
        let retry_after = retry::retry_after_header(response.headers().get(RETRY_AFTER));
        let body = read_bounded(response).await?;
        if status.is_success() {
            return wire::answer(&body);
        }
        Err(wire::refusal(status.as_u16(), &body, retry_after))
    }

    async fn credential_headers(&self) -> Result<HeaderMap, GeminiError> {
        let (name, text) = match &self.settings.credential {
            Credential::ApiKey(key) => ("x-goog-api-key", key.reveal().to_owned()),
            Credential::AccessToken(source) => {
                let token = source.access_token().await.map_err(GeminiError::NoToken)?;
                ("authorization", format!("Bearer {}", token.reveal()))
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| GeminiError::UnusableCredential)?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(reqwest::header::HeaderName::from_static(name), value)]))
    }
}

/// The answer's body, as far as a sane answer goes.
async fn read_bounded(mut response: reqwest::Response) -> Result<Vec<u8>, GeminiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(GeminiError::from_transport)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(GeminiError::NotUnderstood("it is larger than 4 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a caller may wait for at most: every attempt's timeout and every wait between them.
pub fn longest_call(settings: &GeminiSettings) -> Duration {
    settings.timeout * settings.attempts + settings.longest_wait * settings.attempts.saturating_sub(1)
}
