use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use kernel::PatientId;
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
    let owner = caller.store.get(&MRN_OWNERS, &mrn).await?.map(|owner| owner.value.patient_id);
    let asking = Asking::of(&app, &caller);
    let chart = match owner {
        Some(id) => {
            caller.trail.entity("patient", &id);
            view_chart(&asking, &caller.trail, &id).await?
        }
        // Read on all the same, under an id that nobody has: the time it takes must not tell whether a number is taken.
        None => {
            caller.trail.denied("no-such-patient");
            let nobody: PatientId = mrn.parse().map_err(ApiError::internal)?;
            view_chart(&asking.quietly(), &caller.trail, &nobody).await?
        }
    };
    Ok((etag(chart.version()), web::Json(chart)))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use testkit::TestApp;

    use crate::testing::{doctor_with_patient, entries, id_of};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_free_number_is_as_much_work_as_anothers,
    }

    async fn a_free_number_is_as_much_work_as_anothers(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let sam = app.user(Role::Doctor, "Sam").await;
        let ask = async |mrn: &str| {
            let before = app.store.meter().counts();
            let answer = app.get(&format!("/api/v1/patients/mrn/{mrn}")).by(&sam).expect(404).await;
            let cost = app.store.meter().counts() - before;
            (answer, (cost.gets, cost.queries, cost.commits, cost.documents_written))
        };
        ask("MRN-000001").await;
        assert_eq!(ask("MRN-001234").await, ask("MRN-009999").await);
        let denied = entries(&app, "patient.read").await;
        assert_eq!(denied.len(), 3);
        let named: Vec<_> = denied.iter().flat_map(|entry| &entry.patients).collect();
        assert_eq!(named, [&id_of(&path)], "what was typed and is no patient's is nowhere in the log");
    }
}
