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

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::audit::Outcome;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{doctor_with_patient, id_of, john, last_entry, put};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        nobody_sees_it_afterwards, only_admins_delete,
    }

    async fn nobody_sees_it_afterwards(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let (admin, pat) = (app.user(Role::Admin, "Ada").await, app.user(Role::Patient, "Pat").await);
        app.link(&id_of(&path), &pat.id).await;
        app.delete(&path).by(&admin).expect(204).await;
        for user in [&ann, &admin, &pat] {
            app.get(&path).by(user).refused(404, "NOT_FOUND").await;
            app.get("/api/v1/patients/mrn/MRN-001234").by(user).refused(404, "NOT_FOUND").await;
            app.get(&format!("{path}/vitals")).by(user).refused(404, "NOT_FOUND").await;
            assert_eq!(app.get("/api/v1/patients").by(user).expect(200).await["pagination"]["total"], 0);
            assert_eq!(app.get("/api/v1/patients?search=John").by(user).expect(200).await["data"], json!([]));
        }
        app.get("/api/v1/patients/me").by(&pat).refused(404, "NOT_FOUND").await;
        put(&app, &ann, &path, 2, &json!({})).refused(404, "NOT_FOUND").await;
        app.post(&format!("{path}/allergies")).by(&ann).json(&json!({"allergy": "x"})).refused(404, "NOT_FOUND").await;
        app.delete(&path).by(&admin).refused(404, "NOT_FOUND").await;
        assert_eq!(app.post("/api/v1/patients").by(&ann).json(&john()).refused(409, "DUPLICATE_ENTRY").await, "mrn");
        assert_eq!(last_entry(&app, "patient.delete").await.patients, [id_of(&path)]);
    }

    async fn only_admins_delete(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        app.delete(&path).by(&ann).refused(403, "FORBIDDEN").await;
        let (sam, pat) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Patient, "Pat").await);
        app.delete(&path).by(&sam).refused(404, "NOT_FOUND").await;
        app.link(&id_of(&path), &pat.id).await;
        app.delete(&path).by(&pat).refused(403, "FORBIDDEN").await;
        let new = app.user_verified(Role::Admin, "New", false).await;
        app.delete(&path).by(&new).refused(403, "FORBIDDEN").await;
        assert_eq!(last_entry(&app, "patient.delete").await.outcome, Outcome::Denied);
        app.get(&path).by(&ann).expect(200).await;
    }
}
