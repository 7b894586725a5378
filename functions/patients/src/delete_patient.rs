use access::decision::Action;
use axum::extract::State;
use charts::Asking;
use http::StatusCode;
use kernel::PatientId;
use model::patient::PATIENTS;
use web::{ApiError, App, Caller, Path, Problems};

/// Delete a patient
///
/// By an admin. Nobody sees the record from then on; it is kept for as long as the law asks, and its MRN stays taken.
#[utoipa::path(
    delete, path = "/api/v1/patients/{patientId}", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(crate) async fn delete_patient(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
) -> Result<StatusCode, ApiError> {
    caller.trail.action("patient.delete").entity("patient", &id);
    let asking = Asking::of(&app, &caller);
    let now = app.now();
    let deleted = caller.store.transact("delete-patient", async |tx| {
        let mut patient = asking.enter(&tx, &id, &Action::Delete).await?;
        patient.deleted_at = Some(now);
        patient.version += 1;
        tx.put(&PATIENTS, id.as_str(), &patient)?;
        Ok::<_, ApiError>(StatusCode::NO_CONTENT)
    });
    deleted.await
}
