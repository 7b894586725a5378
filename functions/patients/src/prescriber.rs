//! Who prescribes a medication.

use kernel::{Role, UserId};
use model::user::USERS;
use store::Store;
use web::ApiError;

use crate::rules::wrong;

/// Refuses a prescriber who is no verified doctor of the clinic.
pub(crate) async fn must_be_doctor(store: &Store, prescriber: Option<&UserId>) -> Result<(), ApiError> {
    let Some(prescriber) = prescriber else { return Ok(()) };
    let found = store.get(&USERS, prescriber.as_str()).await?;
    if found.is_some_and(|user| user.value.role == Role::Doctor && user.value.may_see_phi()) {
        return Ok(());
    }
    Err(wrong("prescribingDoctorId", "not one of the clinic's verified doctors"))
}
