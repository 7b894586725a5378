use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::{Asking, BirthDate};
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, Day, PatientId, Role, Time};
use model::chart::{Diagnosis, Item, MedicalCode, Part};
use model::consent::DataKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::chart::{By, Chart};
use crate::if_match::etag;
use crate::wire::ItemFrame;
use crate::{code, rules};

/// A diagnosis to add.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddDiagnosisBody {
    /// What, in words.
    #[garde(custom(rules::one_line))]
    #[schema(example = "Type 2 Diabetes", min_length = 1, max_length = 255)]
    diagnosis: String,
    /// The same as a code of ICD-10, ICD-10-CM or SNOMED CT.
    #[garde(skip)]
    code: Option<MedicalCode>,
    /// When it was made: not in the future.
    #[garde(skip)]
    #[schema(example = "2023-06-01")]
    diagnosed_date: Option<Day>,
    /// More in words.
    #[garde(inner(custom(rules::lines)))]
    #[schema(max_length = 1000)]
    notes: Option<String>,
}

/// A diagnosis.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnosisView {
    /// Its id.
    id: ChartItemId,
    /// What, in words.
    #[schema(example = "Type 2 Diabetes")]
    diagnosis: String,
    /// The same as a code.
    code: Option<MedicalCode>,
    /// When it was made.
    #[schema(example = "2023-06-01")]
    diagnosed_date: Option<Day>,
    /// When it was over.
    resolved_date: Option<Day>,
    /// More in words.
    notes: Option<String>,
    /// Whether it stands.
    #[schema(example = true)]
    is_active: bool,
    /// When it was written and changed.
    #[serde(flatten)]
    frame: ItemFrame,
}

/// Add a diagnosis
///
/// By a doctor who cares for the patient.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/diagnoses", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = AddDiagnosisBody,
    responses(
        (status = 201, body = DiagnosisView, description = "Added", headers(("ETag", description = "The version"))),
        Problems,
    ),
)]
pub(crate) async fn add_diagnosis(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Json(body): Json<AddDiagnosisBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("diagnosis.create").entity("diagnosis", &id);
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let entry = body.entry()?;
    let added = caller.store.transact("add-diagnosis", async |tx| {
        let action = Action::Write(DataKind::Diagnoses);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Diagnoses]).await?;
        must_be_doctor(&caller)?;
        check_days(&entry, chart.born()?, by.at)?;
        chart.add(&tx, &id, entry.clone(), by)
    });
    let added = added.await?;
    Ok((StatusCode::CREATED, etag(added.version), Json(DiagnosisView::from(added))))
}

impl AddDiagnosisBody {
    fn entry(self) -> Result<Diagnosis, ApiError> {
        Ok(Diagnosis {
            diagnosis: self.diagnosis.trim().to_owned(),
            code: code::read(self.code, code::OF_CONDITIONS)?,
            diagnosed_date: self.diagnosed_date,
            resolved_date: None,
            notes: rules::trimmed(self.notes),
            is_active: true,
        })
    }
}

/// Patients write to this part of their chart too, as conditions that they report: diagnoses are made by doctors.
pub(crate) fn must_be_doctor(caller: &Caller) -> Result<(), ApiError> {
    if caller.principal.role == Role::Doctor {
        return Ok(());
    }
    caller.trail.denied("not-a-doctor");
    Err(ApiError::forbidden("Only doctors make diagnoses. Report a condition by POST /api/v1/patients/me/conditions."))
}

/// Refuses days outside the patient's life so far, and an end before the beginning.
pub(crate) fn check_days(diagnosis: &Diagnosis, born: Option<BirthDate>, now: Time) -> Result<(), ApiError> {
    rules::past_day("diagnosedDate", diagnosis.diagnosed_date, born, now)?;
    rules::past_day("resolvedDate", diagnosis.resolved_date, born, now)?;
    if diagnosis.is_active && diagnosis.resolved_date.is_some() {
        return Err(rules::wrong("isActive", "one that is resolved does not stand"));
    }
    rules::in_order("resolvedDate", diagnosis.diagnosed_date, diagnosis.resolved_date)
}

impl From<Item<Diagnosis>> for DiagnosisView {
    fn from(item: Item<Diagnosis>) -> Self {
        let (id, frame, entry) = ItemFrame::of(item);
        let Diagnosis { diagnosis, code, diagnosed_date, resolved_date, notes, is_active } = entry;
        Self { id, diagnosis, code, diagnosed_date, resolved_date, notes, is_active, frame }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_diagnosis_is_added_as_the_api_says, doctors_who_care_add, what_breaks_a_rule_is_named,
        two_at_once_are_both_there, a_repeated_request_adds_once,
    }

    async fn a_diagnosis_is_added_as_the_api_says(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"diagnosis": " Type 2 Diabetes ", "diagnosedDate": "2023-06-01", "notes": "canary",
            "code": {"system": "icd-10", "code": "e11.9"}});
        let answer = app.post(&format!("{path}/diagnoses")).by(&ann).json(&body).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (201, "\"1\""),
            "{}",
            answer.body
        );
        let now = app.app.now();
        let expected = json!({
            "id": answer.body["id"], "diagnosis": "Type 2 Diabetes", "code": {"system": "icd-10", "code": "E11.9"},
            "diagnosedDate": "2023-06-01", "resolvedDate": null, "notes": "canary", "isActive": true, "version": 1,
            "createdBy": ann.id, "createdAt": now, "updatedBy": ann.id, "updatedAt": now,
        });
        assert_eq!(answer.body, expected);
        assert_eq!(app.get(&path).by(&ann).expect(200).await["diagnosisDetails"], json!([expected]));
        assert_sealed(&app, &id_of(&path), &["Diabetes", "canary", "E11.9", "2023-06-01"]).await;
        let entry = last_entry(&app, "diagnosis.create").await;
        assert_eq!((entry.patients, entry.entity_id.as_deref()), (vec![id_of(&path)], answer.body["id"].as_str()));
    }

    async fn doctors_who_care_add(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let body = json!({"diagnosis": "X"});
        let post = |user, path: &str| app.post(&format!("{path}/diagnoses")).by(user).json(&body);
        let (sam, nurse) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Nurse, "N").await);
        let foreign = post(&sam, &path).expect(404).await;
        assert_eq!(post(&sam, "/api/v1/patients/none").expect(404).await, foreign);
        app.change_patient(&id_of(&path), |patient| patient.relate(&nurse.id, |relation| relation.created = true))
            .await;
        post(&nurse, &path).refused(403, "FORBIDDEN").await;
        // Patients report conditions; a diagnosis is a doctor's.
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        post(&pat, &path).refused(403, "FORBIDDEN").await;
        let new = app.user_verified(Role::Doctor, "New", false).await;
        post(&new, &path).refused(403, "FORBIDDEN").await;
        app.post(&format!("{path}/diagnoses")).json(&body).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (field, value, named) in [
            ("diagnosis", json!(" "), "diagnosis"),
            ("diagnosis", Value::Null, "diagnosis"),
            ("diagnosedDate", json!("2999-01-01"), "diagnosedDate"),
            ("diagnosedDate", json!("1984-01-01"), "diagnosedDate"),
            ("diagnosedDate", json!("2023-13-01"), "diagnosedDate"),
            ("code", json!({"system": "atc", "code": "A10BA02"}), "code.system"),
            ("code", json!({"system": "icd-10", "code": "diabetes"}), "code.code"),
            ("code", json!({"system": "icd-9", "code": "250"}), "code.system"),
            ("notes", json!("x".repeat(1001)), "notes"),
            ("severity", json!("mild"), "severity"),
        ] {
            let mut body = json!({"diagnosis": "X"});
            body[field] = value.clone();
            let answered =
                app.post(&format!("{path}/diagnoses")).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(answered, named, "{value}");
        }
        assert_eq!(app.get(&path).by(&ann).expect(200).await["diagnoses"], json!([]));
    }

    async fn two_at_once_are_both_there(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let (one, other) = (json!({"diagnosis": "One"}), json!({"diagnosis": "Other"}));
        let post = |body| app.post(&format!("{path}/diagnoses")).by(&ann).json(body).expect(201);
        tokio::join!(post(&one), post(&other));
        let mut all: Vec<Value> = app.get(&path).by(&ann).expect(200).await["diagnoses"].as_array().unwrap().clone();
        all.sort_by_key(Value::to_string);
        assert_eq!(json!(all), json!(["One", "Other"]));
    }

    async fn a_repeated_request_adds_once(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"diagnosis": "X"});
        let post = || app.post(&format!("{path}/diagnoses")).by(&ann).header("idempotency-key", "k").json(&body);
        assert_eq!(post().expect(201).await, post().expect(201).await);
        assert_eq!(app.get(&path).by(&ann).expect(200).await["diagnoses"], json!(["X"]));
    }
}
