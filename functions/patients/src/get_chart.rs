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
    let chart = view_chart(&Asking::of(&app, &caller), &caller.trail, &id).await?;
    Ok((etag(chart.version()), web::Json(chart)))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::audit::{AuditEntry, Outcome};
    use model::consent::{DataKind, Purpose, Scope};
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    use crate::testing::{doctor_with_patient, entries, id_of, last_entry};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_chart_is_as_the_api_says, each_sees_what_is_theirs_to_see, who_may_not_see_it_learns_nothing,
        purposes_count, it_costs_one_read_and_one_query, a_chart_of_a_destroyed_key_is_gone,
    }

    /// Something in each part.
    async fn fill(app: &TestApp, doctor: &TestUser, path: &str) {
        let post = async |part: &str, body: Value| {
            app.post(&format!("{path}/{part}")).by(doctor).json(&body).expect(201).await
        };
        post("diagnoses", json!({"diagnosis": "Hypertension"})).await;
        post("diagnoses", json!({"diagnosis": "Type 2 Diabetes"})).await;
        post("medications", json!({"name": "Lisinopril", "dosage": "10mg", "frequency": "Daily"})).await;
        post("allergies", json!({"allergy": "Penicillin"})).await;
        post("vitals", json!({"systolicBp": 120, "diastolicBp": 80, "heartRate": 72})).await;
    }

    async fn the_chart_is_as_the_api_says(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        fill(&app, &ann, &path).await;
        let answer = app.get(&path).by(&ann).send().await;
        assert_eq!((answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()), (200, "\"1\""));
        let chart = answer.body;
        assert_eq!(chart["mrn"], "MRN-001234");
        assert_eq!(chart["diagnoses"], json!(["Hypertension", "Type 2 Diabetes"]));
        assert_eq!(chart["allergies"], json!(["Penicillin"]));
        let medication = &chart["medications"][0];
        assert_eq!(
            (&medication["name"], &medication["dosage"], &medication["frequency"]),
            (&json!("Lisinopril"), &json!("10mg"), &json!("Daily"))
        );
        let set = &chart["vitals"][0];
        assert_eq!(
            (&set["date"], &set["systolic"], &set["diastolic"], &set["heartRate"]),
            (&json!("2026-01-15"), &json!(120), &json!(80), &json!(72))
        );
        assert_eq!(
            (&chart["conditions"], &chart["withheld"], &chart["pastMedications"]),
            (&json!([]), &json!([]), &json!([]))
        );
        assert_eq!(chart["diagnosisDetails"][1]["diagnosis"], "Type 2 Diabetes");
        assert_eq!(chart["allergyDetails"][0]["severity"], "mild");
        let by_mrn = app.get("/api/v1/patients/mrn/mrn-001234").by(&ann).expect(200).await;
        assert_eq!(by_mrn, chart);
        let entry = last_entry(&app, "patient.read").await;
        assert_eq!(
            (entry.patients, entry.because, entry.outcome),
            (vec![id_of(&path)], vec!["created".to_owned()], Outcome::Allowed)
        );
    }

    async fn each_sees_what_is_theirs_to_see(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        fill(&app, &ann, &path).await;
        let (desk, fay) = (app.user(Role::Receptionist, "Desk").await, app.user(Role::Family, "Fay").await);
        app.change_patient(&id_of(&path), |patient| patient.relate(&desk.id, |relation| relation.created = true)).await;
        app.consent(&id_of(&path), &fay.id, |consent| {
            consent.scope = Scope::Kinds { kinds: vec![DataKind::Demographics, DataKind::Allergies] };
        })
        .await;
        let parts = [
            "diagnoses",
            "diagnosisDetails",
            "medications",
            "pastMedications",
            "allergies",
            "allergyDetails",
            "conditions",
            "vitals",
        ];
        let seen = async |user: &TestUser| {
            let chart = app.get(&path).by(user).expect(200).await;
            assert_eq!(chart["name"], "John Doe");
            let there = parts.into_iter().filter(|part| !chart[*part].is_null()).collect::<Vec<_>>();
            (there, chart["withheld"].clone())
        };
        assert_eq!(seen(&desk).await, (vec![], json!(["diagnoses", "medications", "allergies", "vitals"])));
        assert_eq!(
            seen(&fay).await,
            (vec!["allergies", "allergyDetails"], json!(["diagnoses", "medications", "vitals"]))
        );
        assert_eq!(seen(&ann).await, (parts.to_vec(), json!([])));
        // What allows each part is on the record.
        let vitals = Scope::Kinds { kinds: vec![DataKind::Vitals] };
        let more = app.consent(&id_of(&path), &fay.id, |consent| consent.scope = vitals.clone()).await;
        let reason = format!("consent:{more}");
        assert_eq!(seen(&fay).await.1, json!(["diagnoses", "medications"]));
        assert!(entries(&app, "patient.read").await.iter().any(|entry| entry.because.contains(&reason)));
        let admin = app.user(Role::Admin, "Ada").await;
        assert_eq!(seen(&admin).await.1, json!([]));
    }

    async fn who_may_not_see_it_learns_nothing(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for role in [Role::Doctor, Role::Patient, Role::Receptionist] {
            let stranger = app.user(role, "Sam").await;
            let none = app.get("/api/v1/patients/none").by(&stranger).expect(404).await;
            assert_eq!(app.get(&path).by(&stranger).expect(404).await, none, "{role}");
            assert_eq!(app.get("/api/v1/patients/mrn/MRN-001234").by(&stranger).expect(404).await, none, "{role}");
            assert_eq!(app.get("/api/v1/patients/mrn/MRN-9").by(&stranger).expect(404).await, none, "{role}");
        }
        for refusal in ["no-such-patient", "no-ground"] {
            let is_it =
                |entry: &AuditEntry| entry.outcome == Outcome::Denied && entry.refusal.as_deref() == Some(refusal);
            assert!(entries(&app, "patient.read").await.iter().any(is_it), "{refusal}");
        }
        let new = app.user_verified(Role::Doctor, "New", false).await;
        for path in
            [path.as_str(), "/api/v1/patients/none", "/api/v1/patients/mrn/MRN-001234", "/api/v1/patients/mrn/MRN-9"]
        {
            app.get(path).by(&new).refused(403, "FORBIDDEN").await;
        }
        // A consent to other parts is no way to the identity.
        let fay = app.user(Role::Family, "Fay").await;
        app.consent(&id_of(&path), &fay.id, |consent| consent.scope = Scope::Kinds { kinds: vec![DataKind::Vitals] })
            .await;
        app.get(&path).by(&fay).refused(404, "NOT_FOUND").await;
        app.get(&path).refused(401, "UNAUTHORIZED").await;
        assert_eq!(app.get("/api/v1/patients/a%20b").by(&ann).refused(400, "VALIDATION_ERROR").await, "patientId");
        assert_eq!(app.get("/api/v1/patients/mrn/x").by(&ann).refused(400, "VALIDATION_ERROR").await, "mrn");
    }

    async fn purposes_count(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let get = |purpose: &'static str| app.get(&path).by(&ann).header("x-purpose", purpose);
        get("care-coordination").expect(200).await;
        assert_eq!(last_entry(&app, "patient.read").await.purpose, Some(Purpose::CareCoordination));
        get("research").refused(404, "NOT_FOUND").await;
        assert_eq!(get("fun").refused(400, "VALIDATION_ERROR").await, "X-Purpose");
    }

    async fn it_costs_one_read_and_one_query(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        fill(&app, &ann, &path).await;
        let other = app.second_instance(vec![crate::function()]).await;
        other.get("/api/v1/patients").by(&ann).expect(200).await;
        other.app.vault.forget(&app.tenant, &Subject::Patient(id_of(&path)));
        let before = other.store.meter().counts();
        other.get(&path).by(&ann).expect(200).await;
        // The patient, three parts that are there and one that is not, and the key, at once;
        // one set of vitals; the audit entry.
        let expected = Counts { gets: 1, queries: 1, commits: 1, documents_read: 6 + 1, documents_written: 1 };
        assert_eq!(other.store.meter().counts() - before, expected);
    }

    async fn a_chart_of_a_destroyed_key_is_gone(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let subject = Subject::Patient(id_of(&path));
        let now = app.app.now();
        app.store.transact("test", async |tx| app.app.vault.destroy_key(&tx, &subject, now)).await.unwrap();
        app.app.vault.forget(&app.tenant, &subject);
        app.get(&path).by(&ann).refused(404, "NOT_FOUND").await;
        assert_eq!(app.get("/api/v1/patients").by(&ann).expect(200).await["data"], json!([]));
    }
}
