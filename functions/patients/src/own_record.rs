//! The record that is tied to the caller's account.

use kernel::PatientId;
use model::patient::PATIENTS;
use web::{ApiError, Caller};

/// The caller's own record, by one query that reads one document. An account is tied to one record; of several, which
/// an import may leave, it is the first by id. Staff who wait to be verified see no record, their own among them.
pub(crate) async fn own_record(caller: &Caller) -> Result<PatientId, ApiError> {
    caller.must_see_phi()?;
    let mine = PATIENTS.all().eq("userId", caller.user().as_str());
    let found = caller.store.query(&PATIENTS, &mine).await?;
    let standing = found.into_iter().find(|doc| doc.value.deleted_at.is_none());
    let id = standing.and_then(|doc| doc.id.parse().ok());
    id.ok_or_else(|| {
        ApiError::not_found("patient record of yours").detail("hint", "The clinic ties your record to your account.")
    })
}
