use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use model::patient::MRN_OWNERS;
use web::{ApiError, App, Caller, Path, Problems};

use crate::chart_view::{ChartView, view_chart};
use crate::if_match::etag;
use crate::mrn::Mrn;

/// A patient's chart by MRN
///
/// In upper or lower case. As GET /api/v1/patients/{patientId} otherwise.
#[utoipa::path(
    get, path = "/api/v1/patients/mrn/{mrn}", tag = "patients", security(("bearer" = [])),
    params(("mrn" = String, Path, description = "The medical record number", example = "MRN-001234")),
    responses(
        (status = 200, body = ChartView, description = "The chart",
            headers(("ETag", description = "The version of the identity part"))),
        Problems,
    ),
)]
pub(crate) async fn get_chart_by_mrn(
    State(app): State<App>,
    caller: Caller,
    Path(mrn): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    caller.must_see_phi()?;
    caller.trail.action("patient.read");
    let mrn = Mrn::read(&mrn)?.index(&app.vault.blind_index(&caller.store).await?);
    let Some(owner) = caller.store.get(&MRN_OWNERS, &mrn).await? else {
        caller.trail.denied("no-such-patient");
        return Err(ApiError::not_found("patient"));
    };
    let id = owner.value.patient_id;
    caller.trail.entity("patient", &id);
    let chart = view_chart(&Asking::of(&app, &caller), &caller.trail, &id).await?;
    Ok((etag(chart.version()), web::Json(chart)))
}
