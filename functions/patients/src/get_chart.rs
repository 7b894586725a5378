use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use kernel::PatientId;
use web::{ApiError, App, Caller, Path, Problems};

use crate::chart_view::{ChartView, view_chart};
use crate::if_match::etag;

/// A patient's chart
///
/// Who the patient is, diagnoses, medications, allergies, what the patient reports, and the latest vital signs, as far as
/// the caller may see them.
#[utoipa::path(
    get, path = "/api/v1/patients/{patientId}", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    responses(
        (status = 200, body = ChartView, description = "The chart",
            headers(("ETag", description = "The version of the identity part"))),
        Problems,
    ),
)]
pub(crate) async fn get_chart(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("patient.read").entity("patient", &id);
    let chart = view_chart(&Asking::of(&app, &caller), &id).await?;
    Ok((etag(chart.version()), web::Json(chart)))
}
