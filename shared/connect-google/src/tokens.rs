use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect::gemini::{SecretText, TokenSource, TokenUnavailable};
use gcp_auth::{CustomServiceAccount, Token, TokenProvider};
use tokio::sync::{Mutex, OnceCell};

/// What a token is good for: all of Google Cloud, as far as IAM goes.
const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/cloud-platform"];
/// How long finding credentials and getting a token may take together.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why there is no token. Nothing of a key or token is in here.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// There are no credentials, or they cannot be read.
    #[error(
        "no Google credentials: on Google Cloud give the service an account, elsewhere set GOOGLE_APPLICATION_CREDENTIALS \
         to the file of a service account, or run `gcloud auth application-default login`"
    )]
    NoCredentials(#[source] gcp_auth::Error),
    /// The credentials gave no token.
    #[error("the Google credentials gave no access token")]
    NotGiven(#[source] gcp_auth::Error),
    /// No answer in time.
    #[error("no Google access token within {DEADLINE:?}")]
    TimedOut,
}

/// Access tokens of the account that this runs as: the metadata server's on Google Cloud, else those of
/// `GOOGLE_APPLICATION_CREDENTIALS` (a service account's file), of `gcloud auth application-default login`, or of `gcloud`.
///
/// Credentials are looked for when the first token is asked for. A token is kept and renewed 20 s before it ends, once for
/// all who wait for it.
pub struct GoogleTokens {
    account: Account,
    provider: OnceCell<Arc<dyn TokenProvider>>,
    kept: Mutex<Option<Arc<Token>>>,
}

enum Account {
    Default,
    File(PathBuf),
}

impl Default for GoogleTokens {
    fn default() -> Self {
        Self::new()
    }
}

impl GoogleTokens {
    /// Tokens by the Application Default Credentials.
    pub fn new() -> Self {
        Self::of(Account::Default)
    }

    /// Tokens of the service account whose key is in this JSON file.
    pub fn of_service_account(file: impl Into<PathBuf>) -> Self {
        Self::of(Account::File(file.into()))
    }

    fn of(account: Account) -> Self {
        Self { account, provider: OnceCell::new(), kept: Mutex::new(None) }
    }

    async fn token(&self) -> Result<Arc<Token>, NoToken> {
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| !token.has_expired()) {
            return Ok(Arc::clone(token));
        }
        let provider = self.provider.get_or_try_init(|| self.find()).await?;
        let token = provider.token(&SCOPES).await.map_err(NoToken::NotGiven)?;
        *kept = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn find(&self) -> Result<Arc<dyn TokenProvider>, NoToken> {
        match &self.account {
            Account::Default => gcp_auth::provider().await.map_err(NoToken::NoCredentials),
            Account::File(file) => {
                let account = CustomServiceAccount::from_file(file).map_err(NoToken::NoCredentials)?;
                Ok(Arc::new(account))
            }
        }
    }
}

#[async_trait]
impl TokenSource for GoogleTokens {
    async fn access_token(&self) -> Result<SecretText, TokenUnavailable> {
        let token = tokio::time::timeout(DEADLINE, self.token()).await.unwrap_or(Err(NoToken::TimedOut));
        let token = token.map_err(|error| TokenUnavailable(Box::new(error)))?;
        Ok(SecretText::new(token.as_str().to_owned()))
    }
}

impl fmt::Debug for GoogleTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GoogleTokens(..)")
    }
}
