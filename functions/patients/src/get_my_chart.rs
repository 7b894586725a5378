use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use web::{ApiError, App, Caller, Problems};

use crate::chart_view::{ChartView, view_chart};
use crate::if_match::etag;
use crate::own_record::own_record;

/// My chart
///
/// The record that is tied to the caller's account, whole.
#[utoipa::path(
    get, path = "/api/v1/patients/me", tag = "patients", security(("bearer" = [])),
    responses(
        (status = 200, body = ChartView, description = "The chart",
            headers(("ETag", description = "The version of the identity part"))),
        Problems,
    ),
)]
pub(crate) async fn get_my_chart(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    let id = own_record(&caller).await?;
    caller.trail.action("patient.read").entity("patient", &id);
    let chart = view_chart(&Asking::of(&app, &caller), &id).await?;
    Ok((etag(chart.version()), web::Json(chart)))
}
