use google_cloud_gax::error::rpc::Code;
use google_cloud_lro::{Poller, PollingResult};

use super::{Teller, Waiting};
use crate::connection::Patience;
use crate::failure::{Call, is, reason};
use crate::{Progress, SetupError};

/// How a start went.
pub(super) enum Start<P, R> {
    /// It is done already.
    Done(R),
    /// There is such a thing already.
    Exists,
    /// It runs.
    Runs(P),
}

/// Starts a long-running operation.
pub(super) async fn start<R, M, P: Poller<R, M>>(mut poller: P, call: &Call<'_>) -> Result<Start<P, R>, SetupError> {
    match poller.poll().await {
        Some(PollingResult::Completed(Ok(made))) => Ok(Start::Done(made)),
        Some(PollingResult::Completed(Err(error))) if is(&error, Code::AlreadyExists) => Ok(Start::Exists),
        Some(PollingResult::Completed(Err(error))) => Err(call.failed(&error)),
        Some(PollingResult::InProgress(_) | PollingResult::PollingError(_)) | None => Ok(Start::Runs(poller)),
    }
}

/// Waits for a running operation, less and less often.
pub(super) async fn finish<R, M, P: Poller<R, M>>(
    mut poller: P,
    what: &str,
    patience: Patience,
    progress: &Teller,
) -> Result<R, SetupError> {
    for asked in 0_u32.. {
        patience.pause(asked, what).await?;
        match poller.poll().await {
            Some(PollingResult::Completed(Ok(made))) => {
                progress.tell(&Progress::Done { what: what.to_owned() });
                return Ok(made);
            }
            Some(PollingResult::Completed(Err(error))) => {
                return Err(SetupError::OperationFailed { what: what.to_owned(), reason: reason(&error) });
            }
            Some(PollingResult::PollingError(error)) => {
                tracing::warn!(what, reason = %reason(&error), "no answer about an operation; it is asked about again");
            }
            Some(PollingResult::InProgress(_)) => {
                progress.tell(&Progress::Waiting { what: what.to_owned(), asked: asked + 1 });
            }
            None => break,
        }
    }
    Err(SetupError::OperationFailed { what: what.to_owned(), reason: "it ended without a result".to_owned() })
}

/// Starts what is waited for later, with others.
pub(super) async fn start_to_wait<R, M, P>(
    poller: P,
    call: &Call<'_>,
    patience: Patience,
    progress: &Teller,
) -> Result<Option<Waiting>, SetupError>
where
    R: Send + 'static,
    M: Send + 'static,
    P: Poller<R, M> + 'static,
{
    let what = call.name.to_owned();
    let Start::Runs(poller) = start(poller, call).await? else { return Ok(None) };
    progress.tell(&Progress::Started { what: what.clone() });
    let progress = progress.clone();
    Ok(Some(Box::pin(async move { finish(poller, &what, patience, &progress).await.map(drop) })))
}
