//! Google's clients, each made when it is first used and kept.

use std::future::Future;
use std::time::Duration;

use google_cloud_auth::credentials::{Builder as CredentialsBuilder, anonymous};
use google_cloud_auth::signer::Signer;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_gax::retry_throttler::CircuitBreaker;
use google_cloud_storage::client::{Storage, StorageControl};
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt, Recommended};
use google_cloud_storage::retry_policy::RetryableErrors;
use tokio::sync::OnceCell;

use crate::GcsConfig;
use crate::failure::GcsError;
use crate::signed::unchecked_signer;

/// How long a call may take, its connection and second attempts included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How long Google's clients go on trying.
const RETRIES: Duration = Duration::from_secs(8);
const MAX_ATTEMPTS: u32 = 3;

/// A bucket's clients: HTTP for content, gRPC for everything else.
pub(crate) struct Connection {
    pub(crate) config: GcsConfig,
    content: OnceCell<Storage>,
    control: OnceCell<StorageControl>,
    signer: OnceCell<Signer>,
}

/// Emulators want no credentials; everything else is alike.
macro_rules! build {
    ($config:expr, $builder:expr) => {{
        // The default throttle skips attempts at random; this one only after many failures.
        let builder = $builder
            .with_retry_policy(retries())
            .with_backoff_policy(backoff())
            .with_retry_throttler(CircuitBreaker::default());
        let builder = match $config.emulator_url() {
            Some(url) => builder.with_endpoint(url).with_credentials(anonymous::Builder::new().build()),
            None => builder,
        };
        builder.build().await.map_err(|_| GcsError::NoClient)
    }};
}

impl Connection {
    pub(crate) fn new(config: GcsConfig, signer: Option<Signer>) -> Self {
        let signer = OnceCell::new_with(signer);
        Self { config, content: OnceCell::new(), control: OnceCell::new(), signer }
    }

    /// The client that writes and reads content.
    pub(crate) async fn content(&self) -> Result<&Storage, GcsError> {
        let build = || async {
            let resuming = Recommended.with_attempt_limit(MAX_ATTEMPTS);
            build!(self.config, Storage::builder().with_read_resume_policy(resuming))
        };
        self.content.get_or_try_init(build).await
    }

    /// The client that looks up, lists and deletes.
    pub(crate) async fn control(&self) -> Result<&StorageControl, GcsError> {
        self.control.get_or_try_init(|| async { build!(self.config, StorageControl::builder()) }).await
    }

    /// What signs URLs: on Cloud Run the service account itself, through IAM's `signBlob`, without a key.
    pub(crate) async fn signer(&self) -> Result<&Signer, GcsError> {
        let build = || async {
            match self.config.emulator_host {
                Some(_) => Ok(unchecked_signer()),
                None => CredentialsBuilder::default().build_signer().map_err(|_| GcsError::CannotSign),
            }
        };
        self.signer.get_or_try_init(build).await
    }
}

/// The answer, or that there was none in time.
pub(crate) async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, GcsError>>,
) -> Result<T, GcsError> {
    tokio::time::timeout(deadline, work).await.unwrap_or(Err(GcsError::NoAnswer(deadline)))
}

pub(crate) fn retries() -> impl RetryPolicy + 'static {
    RetryableErrors.with_attempt_limit(MAX_ATTEMPTS).with_time_limit(RETRIES)
}

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBackoffBuilder::new().with_initial_delay(Duration::from_millis(100));
    builder.with_maximum_delay(Duration::from_secs(1)).clamp()
}
