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
    let chart = view_chart(&Asking::of(&app, &caller), &caller.trail, &id).await?;
    Ok((etag(chart.version()), web::Json(chart)))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{doctor_with_patient, id_of, last_entry};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        patients_see_their_own_chart_whole, others_have_none,
    }

    async fn patients_see_their_own_chart_whole(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        app.post(&format!("{path}/allergies")).by(&ann).json(&json!({"allergy": "Penicillin"})).expect(201).await;
        let mine = app.get("/api/v1/patients/me").by(&pat).send().await;
        assert_eq!((mine.status.as_u16(), mine.headers["etag"].to_str().unwrap()), (200, "\"1\""));
        assert_eq!((&mine.body["userId"], &mine.body["withheld"]), (&json!(pat.id), &json!([])));
        assert_eq!(mine.body, app.get(&path).by(&ann).expect(200).await);
        let log = app.audit_log().await;
        let own = log.iter().find(|entry| entry.user_id.as_ref() == Some(&pat.id)).unwrap();
        assert_eq!((own.action.as_str(), &own.because), ("patient.read", &vec!["own-record".to_owned()]));
        assert_eq!(last_entry(&app, "patient.read").await.patients, [id_of(&path)]);
    }

    async fn others_have_none(app: TestApp) {
        let (ann, _) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        for user in [&ann, &pat] {
            app.get("/api/v1/patients/me").by(user).refused(404, "NOT_FOUND").await;
        }
        app.get("/api/v1/patients/me").refused(401, "UNAUTHORIZED").await;
    }
}
