//! Google's clients, each made when it is first used and kept.

use std::time::Duration;

use google_cloud_auth::credentials::anonymous;
use google_cloud_firestore_admin_v1::client::FirestoreAdmin;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::polling_error_policy::PollingErrorPolicy;
use google_cloud_gax::polling_state::PollingState;
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::{SetupError, Waits};

/// How often a call is tried.
const MAX_ATTEMPTS: u32 = 5;

/// A project's clients.
pub(crate) struct Connection {
    pub(crate) project: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) waits: Waits,
    firestore: OnceCell<FirestoreAdmin>,
    kms: OnceCell<KeyManagementService>,
    secrets: OnceCell<SecretManagerService>,
}

/// Another server than Google's wants no credentials; everything else is alike.
macro_rules! build {
    ($connection:expr, $service:literal, $builder:expr) => {{
        let builder = $builder
            .with_retry_policy(retries())
            .with_backoff_policy($connection.backoff())
            .with_attempt_timeout($connection.waits.attempt)
            .with_polling_error_policy(Transient);
        let builder = match &$connection.endpoint {
            Some(url) => builder.with_endpoint(url).with_credentials(anonymous::Builder::new().build()),
            None => builder,
        };
        builder.build().await.map_err(|source| SetupError::NoClient { service: $service, source })
    }};
}

impl Connection {
    pub(crate) fn new(project: String, endpoint: Option<String>, waits: Waits) -> Self {
        Self { project, endpoint, waits, firestore: OnceCell::new(), kms: OnceCell::new(), secrets: OnceCell::new() }
    }

    /// The client that administers databases.
    pub(crate) async fn firestore(&self) -> Result<&FirestoreAdmin, SetupError> {
        self.firestore.get_or_try_init(|| async { build!(self, "Firestore Admin", FirestoreAdmin::builder()) }).await
    }

    /// The client that administers keys.
    pub(crate) async fn kms(&self) -> Result<&KeyManagementService, SetupError> {
        self.kms.get_or_try_init(|| async { build!(self, "Cloud KMS", KeyManagementService::builder()) }).await
    }

    /// The client of secrets.
    pub(crate) async fn secrets(&self) -> Result<&SecretManagerService, SetupError> {
        self.secrets.get_or_try_init(|| async { build!(self, "Secret Manager", SecretManagerService::builder()) }).await
    }

    /// The pauses of one command that may take the overall time from now on.
    pub(crate) fn patience(&self) -> Patience {
        Patience { waits: self.waits, until: Instant::now() + self.waits.overall }
    }

    fn backoff(&self) -> ExponentialBackoff {
        let builder = ExponentialBackoffBuilder::new().with_initial_delay(self.waits.first);
        builder.with_maximum_delay(self.waits.longest).clamp()
    }
}

/// When a command gives up, and how long it pauses until then.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    waits: Waits,
    until: Instant,
}

impl Patience {
    /// Pauses before question number `asked` (from 0) about `what`; fails where the time is over.
    pub(crate) async fn pause(&self, asked: u32, what: &str) -> Result<(), SetupError> {
        let grown = self.waits.first.saturating_mul(2_u32.saturating_pow(asked.min(16)));
        let pause = grown.min(self.waits.longest);
        if Instant::now() + pause > self.until {
            return Err(SetupError::NotInTime { what: what.to_owned(), waited: self.waits.overall });
        }
        tokio::time::sleep(pause.max(Duration::from_millis(1))).await;
        Ok(())
    }
}

fn retries() -> impl RetryPolicy + 'static {
    Transient.with_attempt_limit(MAX_ATTEMPTS)
}

/// Tries again what may go well the next time. "Aborted" is in it: Firestore answers so where several of a database's
/// indexes are asked for at once, and has changed nothing then.
#[derive(Debug, Clone)]
struct Transient;

impl RetryPolicy for Transient {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let unchanged = code(&error) == Some(&Code::Aborted) || error.is_transient_and_before_rpc();
        if unchanged || (state.idempotent && is_transient(&error)) {
            RetryResult::Continue(error)
        } else {
            RetryResult::Permanent(error)
        }
    }
}

impl PollingErrorPolicy for Transient {
    fn on_error(&self, _state: &PollingState, error: Error) -> RetryResult {
        if is_transient(&error) { RetryResult::Continue(error) } else { RetryResult::Permanent(error) }
    }
}

fn is_transient(error: &Error) -> bool {
    let no_answer = error.is_transient_and_before_rpc() || error.is_io() || error.is_timeout() || error.is_connect();
    let unwell = matches!(error.http_status_code(), Some(500 | 502..=504)) && error.status().is_none();
    let passing =
        matches!(code(error), Some(Code::Unavailable | Code::Internal | Code::DeadlineExceeded | Code::Aborted));
    no_answer || unwell || passing
}

fn code(error: &Error) -> Option<&Code> {
    error.status().map(|status| &status.code)
}
