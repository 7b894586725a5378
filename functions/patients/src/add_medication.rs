use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, Day, PatientId, UserId};
use model::chart::{Allergy, Item, MedicalCode, Medication, MedicationCheck, Part};
use model::consent::DataKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::chart::{By, Chart};
use crate::if_match::etag;
use crate::medicines::{Others, Subject, check, has_severe_alert, not_active};
use crate::prescriber::must_be_doctor;
use crate::wire::ItemFrame;
use crate::{code, rules};

/// A medication to add.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddMedicationBody {
    /// The medicine, in words.
    #[garde(custom(rules::one_line))]
    #[schema(example = "Metformin", min_length = 1, max_length = 255)]
    name: String,
    /// The same as a code of RxNorm, ATC or SNOMED CT. An ATC code makes the check independent of the name.
    #[garde(skip)]
    code: Option<MedicalCode>,
    /// How much at a time.
    #[garde(inner(custom(rules::one_line)))]
    #[schema(example = "1000mg", max_length = 255)]
    dosage: Option<String>,
    /// How often.
    #[garde(inner(custom(rules::one_line)))]
    #[schema(example = "Twice Daily", max_length = 255)]
    frequency: Option<String>,
    /// From when.
    #[garde(skip)]
    #[schema(example = "2023-06-01")]
    start_date: Option<Day>,
    /// The last day.
    #[garde(skip)]
    end_date: Option<Day>,
    /// Who prescribes it: a verified doctor of the clinic; the caller unless told.
    #[garde(skip)]
    prescribing_doctor_id: Option<UserId>,
    /// More in words.
    #[garde(inner(custom(rules::lines)))]
    #[schema(max_length = 1000)]
    notes: Option<String>,
    /// To go on in spite of an alert about a severe allergy.
    #[serde(default)]
    #[garde(skip)]
    acknowledge_alerts: bool,
}

/// A medication.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MedicationView {
    /// Its id.
    id: ChartItemId,
    /// The medicine, in words.
    #[schema(example = "Metformin")]
    name: String,
    /// The same as a code.
    code: Option<MedicalCode>,
    /// How much at a time.
    #[schema(example = "1000mg")]
    dosage: Option<String>,
    /// How often.
    #[schema(example = "Twice Daily")]
    frequency: Option<String>,
    /// From when.
    #[schema(example = "2023-06-01")]
    start_date: Option<Day>,
    /// The last day.
    end_date: Option<Day>,
    /// Who prescribes it.
    prescribing_doctor_id: Option<UserId>,
    /// More in words.
    notes: Option<String>,
    /// Whether it was not stopped. One whose last day is over may still be active in this sense.
    #[schema(example = true)]
    is_active: bool,
    /// What comparing it with the chart finds. In a chart it is compared anew, with all that the caller may see then; else
    /// it is what was found when it was written.
    check: MedicationCheck,
    /// Whether it was written in spite of the alert about a severe allergy. In a chart, whether that holds for all of
    /// them that `check` names.
    #[schema(example = false)]
    is_acknowledged: bool,
    /// When it was written and changed.
    #[serde(flatten)]
    frame: ItemFrame,
}

/// Add a medication
///
/// By a doctor who cares for the patient. It is compared with the allergies and the other medications of the chart, in
/// the same transaction, and `check` always says how that ended. An alert does not stand in the way, unless it is about a
/// severe allergy: that is refused with 409 and the check, and is added with `acknowledgeAlerts`.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/medications", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = AddMedicationBody,
    responses(
        (status = 201, body = MedicationView, description = "Added", headers(("ETag", description = "The version"))),
        Problems,
    ),
)]
pub(crate) async fn add_medication(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Json(body): Json<AddMedicationBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("medication.create").entity("medication", &id);
    let asking = Asking::of(&app, &caller);
    let action = Action::Write(DataKind::Medications);
    let is_acknowledged = body.acknowledge_alerts;
    let entry = body.entry(caller.user())?;
    if entry.prescribing_doctor_id.as_ref() != Some(caller.user()) {
        // Decided first, so that nobody learns of the clinic's doctors by a chart that is not theirs.
        asking.open(&patient, &action).await?;
        must_be_doctor(&caller.store, entry.prescribing_doctor_id.as_ref()).await?;
    }
    let by = By { user: caller.user(), at: app.now() };
    let added = caller.store.transact("add-medication", async |tx| {
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Medications, Part::Allergies]).await?;
        rules::not_before_birth("startDate", entry.start_date, chart.born()?)?;
        let checked = checked(&asking, &chart, &id, entry.clone(), by).await?;
        chart.add(&tx, &id, acknowledged(checked, is_acknowledged)?, by)
    });
    let added = added.await.inspect_err(|error| told_of_allergies(&caller, error))?;
    Ok((StatusCode::CREATED, etag(added.version), Json(MedicationView::from(added))))
}

/// The medication with what comparing it with the rest of the chart finds now.
pub(crate) async fn checked(
    asking: &Asking<'_>,
    chart: &Chart<'_>,
    id: &ChartItemId,
    entry: Medication,
    by: By<'_>,
) -> Result<Medication, ApiError> {
    rules::in_order("endDate", entry.start_date, entry.end_date)?;
    let today = Day::of(by.at);
    if !entry.is_current(today) {
        return Ok(Medication { check: not_active(), ..entry });
    }
    let reads_allergies =
        asking.decide(&chart.open.id, &chart.open.patient, &Action::Read(DataKind::Allergies)).await?.is_allowed();
    let allergies = if reads_allergies { Some(chart.items::<Allergy>()?) } else { None };
    let others = Others::of(allergies, chart.items::<Medication>()?, today);
    let check = check(Subject { id: Some(id), name: &entry.name, code: entry.code.as_ref() }, &others);
    Ok(Medication { check, ..entry })
}

/// Refuses a medication that meets a severe allergy, unless whoever writes it knows. The refusal tells of the allergy: see
/// [`told_of_allergies`].
pub(crate) fn acknowledged(entry: Medication, is_acknowledged: bool) -> Result<Medication, ApiError> {
    let needs_it = has_severe_alert(&entry.check);
    if !needs_it || is_acknowledged {
        return Ok(Medication { is_acknowledged: needs_it, ..entry });
    }
    let message = "acknowledgeAlerts: the patient has a severe allergy that this medication meets. Read the check, and \
                   send true if the medication is needed in spite of it.";
    let check = serde_json::to_value(&entry.check).map_err(ApiError::internal)?;
    Err(ApiError::field("acknowledgeAlerts", message).with_status(StatusCode::CONFLICT).detail("check", check))
}

/// Leaves in the audit log that the caller was told of allergies, where a medication was refused because of them.
pub(crate) fn told_of_allergies(caller: &Caller, error: &ApiError) {
    if error.status() == StatusCode::CONFLICT {
        caller.trail.action("medication.check").disclosed();
    }
}

impl AddMedicationBody {
    fn entry(self, caller: &UserId) -> Result<Medication, ApiError> {
        Ok(Medication {
            name: self.name.trim().to_owned(),
            code: code::read(self.code, code::OF_SUBSTANCES)?,
            dosage: rules::trimmed(self.dosage),
            frequency: rules::trimmed(self.frequency),
            start_date: self.start_date,
            end_date: self.end_date,
            prescribing_doctor_id: Some(self.prescribing_doctor_id.unwrap_or_else(|| caller.clone())),
            notes: rules::trimmed(self.notes),
            is_active: true,
            check: not_active(),
            is_acknowledged: false,
        })
    }
}

impl From<Item<Medication>> for MedicationView {
    fn from(item: Item<Medication>) -> Self {
        let (id, frame, entry) = ItemFrame::of(item);
        Self {
            id,
            name: entry.name,
            code: entry.code,
            dosage: entry.dosage,
            frequency: entry.frequency,
            start_date: entry.start_date,
            end_date: entry.end_date,
            prescribing_doctor_id: entry.prescribing_doctor_id,
            notes: entry.notes,
            is_active: entry.is_active,
            check: entry.check,
            is_acknowledged: entry.is_acknowledged,
            frame,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::consent::{DataKind, Scope};
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestUser};

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_medication_is_added_as_the_api_says, the_check_is_never_silent, a_severe_allergy_is_acknowledged,
        an_allergy_added_meanwhile_is_seen, what_is_withheld_is_not_told, doctors_who_care_prescribe,
        what_breaks_a_rule_is_named, it_costs_one_read_and_one_commit,
    }

    async fn allergic(app: &TestApp, by: &TestUser, path: &str, allergy: &str, severity: &str) -> Value {
        let body = json!({"allergy": allergy, "severity": severity});
        app.post(&format!("{path}/allergies")).by(by).json(&body).expect(201).await["id"].clone()
    }

    async fn add(app: &TestApp, by: &TestUser, path: &str, name: &str) -> Value {
        app.post(&format!("{path}/medications")).by(by).json(&json!({"name": name})).expect(201).await
    }

    async fn a_medication_is_added_as_the_api_says(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let bob = app.user(Role::Doctor, "Bob").await;
        let body = json!({"name": "Metformin", "dosage": "1000mg", "frequency": "Twice Daily", "startDate": "2023-06-01",
            "prescribingDoctorId": bob.id, "code": {"system": "atc", "code": "a10ba02"}, "notes": "canary"});
        let answer = app.post(&format!("{path}/medications")).by(&ann).json(&body).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (201, "\"1\""),
            "{}",
            answer.body
        );
        let now = app.app.now();
        let expected = json!({
            "id": answer.body["id"], "name": "Metformin", "code": {"system": "atc", "code": "A10BA02"},
            "dosage": "1000mg", "frequency": "Twice Daily", "startDate": "2023-06-01", "endDate": null,
            "prescribingDoctorId": bob.id, "notes": "canary", "isActive": true,
            "check": {"status": "ok", "reasons": [], "allergiesCompared": 0, "medicationsCompared": 0},
            "isAcknowledged": false, "version": 1, "createdBy": ann.id, "createdAt": now, "updatedBy": ann.id,
            "updatedAt": now,
        });
        assert_eq!(answer.body, expected);
        assert_eq!(app.get(&path).by(&ann).expect(200).await["medications"], json!([expected]));
        assert_eq!(add(&app, &ann, &path, "Lisinopril").await["prescribingDoctorId"], json!(ann.id));
        assert_sealed(&app, &id_of(&path), &["Metformin", "Lisinopril", "1000mg", "canary", "A10BA02"]).await;
        assert_eq!(last_entry(&app, "medication.create").await.patients, [id_of(&path)]);
    }

    async fn the_check_is_never_silent(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let allergy = allergic(&app, &ann, &path, "Penicillin", "moderate").await;
        let check = async |name: &str| add(&app, &ann, &path, name).await["check"].clone();
        let found = check("Amoxicillin 500 mg").await;
        assert_eq!(
            (&found["status"], &found["reasons"][0]["kind"], &found["reasons"][0]["itemId"]),
            (&json!("alert"), &json!("allergy"), &allergy)
        );
        assert_eq!(
            found["reasons"][0]["text"],
            "Amoxicillin 500 mg is one of the penicillins, and the chart has the allergy Penicillin (moderate)."
        );
        assert_eq!(check("Cefuroxime").await["reasons"][0]["kind"], "cross-reactivity");
        assert_eq!(
            check("Metformin").await,
            json!({"status": "ok", "reasons": [], "allergiesCompared": 1, "medicationsCompared": 2})
        );
        assert_eq!(check("Glucophage 500").await["reasons"][0]["kind"], "duplicate");
        assert_eq!(check("Atorvastatin").await["status"], "ok");
        assert_eq!(check("Simvastatin").await["reasons"][0]["kind"], "same-class");
        let unknown = check("Foozol").await;
        assert_eq!(
            (&unknown["status"], &unknown["reasons"][0]["kind"]),
            (&json!("not_checked"), &json!("unknown-medicine"))
        );
        let after = check("Ramipril").await;
        assert_eq!(
            (&after["status"], &after["reasons"][0]["kind"]),
            (&json!("not_checked"), &json!("unknown-in-chart"))
        );
        let past = json!({"name": "Ibuprofen", "startDate": "2020-01-01", "endDate": "2020-01-05"});
        let past = app.post(&format!("{path}/medications")).by(&ann).json(&past).expect(201).await;
        assert_eq!(past["check"]["reasons"][0]["kind"], "not-active");
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!(
            (&chart["pastMedications"][0]["name"], chart["medications"].as_array().unwrap().len()),
            (&json!("Ibuprofen"), 8)
        );
    }

    async fn a_severe_allergy_is_acknowledged(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        allergic(&app, &ann, &path, "Penicillin", "severe").await;
        let mut body = json!({"name": "Ampicillin"});
        let answer = app.post(&format!("{path}/medications")).by(&ann).json(&body).send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]["details"]["field"]),
            (409, &json!("acknowledgeAlerts"))
        );
        assert_eq!(answer.body["error"]["details"]["check"]["reasons"][0]["severity"], "severe");
        let told = last_entry(&app, "medication.check").await;
        assert_eq!((told.patients, told.user_id.as_ref()), (vec![id_of(&path)], Some(&ann.id)));
        assert_eq!(app.get(&path).by(&ann).expect(200).await["medications"], json!([]));
        body["acknowledgeAlerts"] = json!(true);
        let added = app.post(&format!("{path}/medications")).by(&ann).json(&body).expect(201).await;
        assert_eq!((&added["check"]["status"], &added["isAcknowledged"]), (&json!("alert"), &json!(true)));
        assert_eq!(add(&app, &ann, &path, "Metformin").await["isAcknowledged"], false);
    }

    async fn an_allergy_added_meanwhile_is_seen(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let (allergy, medication) =
            (json!({"allergy": "Penicillin", "severity": "severe"}), json!({"name": "Amoxicillin"}));
        let (allergy, medication) = tokio::join!(
            app.post(&format!("{path}/allergies")).by(&ann).json(&allergy).send(),
            app.post(&format!("{path}/medications")).by(&ann).json(&medication).send(),
        );
        assert_eq!(allergy.status.as_u16(), 201);
        // Whichever came first: either it met the allergy, or it was compared with a chart that had none.
        let is_first = medication.status.as_u16() == 201;
        let check = if is_first { &medication.body["check"] } else { &medication.body["error"]["details"]["check"] };
        let expected = if is_first { (json!("ok"), json!(0)) } else { (json!("alert"), json!(1)) };
        assert_eq!((check["status"].clone(), check["allergiesCompared"].clone()), expected);
        // Whoever came second was told of the other.
        assert_eq!(allergy.body["alerts"].as_array().unwrap().len(), usize::from(is_first), "{}", allergy.body);
    }

    async fn what_is_withheld_is_not_told(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        allergic(&app, &ann, &path, "Penicillin", "severe").await;
        let bob = app.user(Role::Doctor, "Bob").await;
        app.consent(&id_of(&path), &bob.id, |consent| {
            consent.scope = Scope::Kinds { kinds: vec![DataKind::Medications] }
        })
        .await;
        let check = add(&app, &bob, &path, "Amoxicillin").await["check"].clone();
        assert_eq!((&check["status"], &check["reasons"][0]["kind"]), (&json!("not_checked"), &json!("withheld")));
        assert!(!check.to_string().contains("Penicillin"));
    }

    async fn doctors_who_care_prescribe(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"name": "X"});
        let post = |user, path: &str| app.post(&format!("{path}/medications")).by(user).json(&body);
        let (sam, nurse, pat) =
            (app.user(Role::Doctor, "Sam").await, app.user(Role::Nurse, "N").await, app.user(Role::Patient, "P").await);
        let foreign = post(&sam, &path).expect(404).await;
        assert_eq!(post(&sam, "/api/v1/patients/none").expect(404).await, foreign);
        app.change_patient(&id_of(&path), |patient| patient.relate(&nurse.id, |relation| relation.created = true))
            .await;
        app.link(&id_of(&path), &pat.id).await;
        let new = app.user_verified(Role::Doctor, "New", false).await;
        for user in [&nurse, &pat, &new] {
            post(user, &path).refused(403, "FORBIDDEN").await;
        }
        // Nor does a stranger learn who is a doctor here.
        for doctor in [ann.id.as_str(), nurse.id.as_str()] {
            let body = json!({"name": "X", "prescribingDoctorId": doctor});
            app.post(&format!("{path}/medications")).by(&sam).json(&body).refused(404, "NOT_FOUND").await;
        }
        for nobody in [nurse.id.as_str(), new.id.as_str(), "nobody"] {
            let body = json!({"name": "X", "prescribingDoctorId": nobody});
            let named =
                app.post(&format!("{path}/medications")).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, "prescribingDoctorId");
        }
        app.post(&format!("{path}/medications")).json(&body).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (field, value, named) in [
            ("name", Value::Null, "name"),
            ("name", json!("\n"), "name"),
            ("dosage", json!("x".repeat(256)), "dosage"),
            ("frequency", json!(" "), "frequency"),
            ("startDate", json!("tomorrow"), "startDate"),
            ("startDate", json!("1984-01-01"), "startDate"),
            ("endDate", json!("2023-05-31"), "endDate"),
            ("prescribingDoctorId", json!("a b"), "prescribingDoctorId"),
            ("code", json!({"system": "icd-10", "code": "A00"}), "code.system"),
            ("code", json!({"system": "rxnorm", "code": "x"}), "code.code"),
            ("acknowledgeAlerts", json!("yes"), "acknowledgeAlerts"),
            ("check", json!({}), "check"),
        ] {
            let mut body = json!({"name": "X", "startDate": "2023-06-01"});
            body[field] = value.clone();
            let answered =
                app.post(&format!("{path}/medications")).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(answered, named, "{value}");
        }
    }

    async fn it_costs_one_read_and_one_commit(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        add(&app, &ann, &path, "Metformin").await;
        let before = app.store.meter().counts();
        add(&app, &ann, &path, "Lisinopril").await;
        // The patient, medications and allergies; the part and the audit entry.
        let expected = Counts { gets: 1, queries: 0, commits: 1, documents_read: 3, documents_written: 2 };
        assert_eq!(app.store.meter().counts() - before, expected);
    }
}
