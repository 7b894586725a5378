use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use kernel::{ChartItemId, Day, PatientId, UserId};
use model::chart::{MedicalCode, Medication, Part};
use model::consent::DataKind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::add_medication::{MedicationView, acknowledged, checked, told_of_allergies};
use crate::change::present;
use crate::chart::{By, Chart};
use crate::if_match::{IfMatch, etag};
use crate::medicines::says_nothing_worse;
use crate::prescriber::must_be_doctor;
use crate::wire::Corrected;
use crate::{code, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMedicationBody {
    /// The medicine, in words.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "Metformin", min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The same as a code of RxNorm, ATC or SNOMED CT; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<MedicalCode>)]
    code: Option<Option<MedicalCode>>,
    /// How much at a time; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::one_line))))]
    #[schema(value_type = Option<String>, example = "500mg", max_length = 255)]
    dosage: Option<Option<String>>,
    /// How often; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::one_line))))]
    #[schema(value_type = Option<String>, example = "Daily", max_length = 255)]
    frequency: Option<Option<String>>,
    /// From when; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2023-06-01")]
    start_date: Option<Option<Day>>,
    /// The last day; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2024-01-15")]
    end_date: Option<Option<Day>>,
    /// Who prescribes it: a verified doctor of the clinic.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = UserId, required = false)]
    prescribing_doctor_id: Option<UserId>,
    /// More in words, such as why it was stopped; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, max_length = 1000)]
    notes: Option<Option<String>>,
    /// `false` stops it, `true` takes it up again.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    is_active: Option<bool>,
    /// To go on in spite of an alert about a severe allergy.
    #[serde(default)]
    #[garde(skip)]
    acknowledge_alerts: bool,
}

/// Change or stop a medication
///
/// By a doctor who cares for the patient, with the `ETag` that was seen as `If-Match`. It is compared with the chart
/// again, as a new one is; a severe allergy that was acknowledged needs no second time while medicine and allergy are the
/// same. What it said before is kept, and answered as `history`.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}/medications/{medicationId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("medicationId" = ChartItemId, Path, description = "The medication"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdateMedicationBody,
    responses(
        (status = 200, body = Corrected<MedicationView>, description = "As it is now",
            headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_medication(
    State(app): State<App>,
    caller: Caller,
    Path((patient, id)): Path<(PatientId, ChartItemId)>,
    seen: IfMatch,
    Json(mut body): Json<UpdateMedicationBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("medication.update").entity("medication", &id);
    body.code = body.code.map(|code| code::read(code, code::OF_SUBSTANCES)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let action = Action::Write(DataKind::Medications);
    if body.prescribing_doctor_id.is_some() {
        // Decided first, so that nobody learns of the clinic's doctors by a chart that is not theirs.
        asking.open(&patient, &action).await?;
        must_be_doctor(&caller.store, body.prescribing_doctor_id.as_ref()).await?;
    }
    let by = By { user: caller.user(), at: app.now() };
    let changed = caller.store.transact("update-medication", async |tx| {
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Medications, Part::Allergies]).await?;
        let former = chart.item::<Medication>(&id)?;
        seen.must_be(former.version)?;
        let entry = checked(&asking, &chart, &id, body.applied_to(&former.entry), by).await?;
        rules::not_before_birth("startDate", entry.start_date, chart.born()?)?;
        let is_known = body.is_known(&former.entry, &entry);
        let entry = acknowledged(entry, body.acknowledge_alerts || is_known)?;
        let item = chart.replace(&tx, former, entry, by)?;
        Ok::<_, ApiError>((chart, item))
    });
    let (chart, item) = changed.await.inspect_err(|error| told_of_allergies(&caller, error))?;
    let former = chart.former(&asking, &item).await?;
    Ok((etag(item.version), Json(Corrected::<MedicationView>::of(item, former))))
}

impl UpdateMedicationBody {
    fn applied_to(&self, former: &Medication) -> Medication {
        let former = former.clone();
        let is_taken_up = self.is_active == Some(true) && !former.is_active;
        Medication {
            name: self.name.as_deref().map_or(former.name, |text| text.trim().to_owned()),
            code: self.code.clone().unwrap_or(former.code),
            dosage: self.dosage.clone().map_or(former.dosage, rules::trimmed),
            frequency: self.frequency.clone().map_or(former.frequency, rules::trimmed),
            start_date: self.start_date.unwrap_or(former.start_date),
            end_date: self.end_date.unwrap_or(former.end_date.filter(|_| !is_taken_up)),
            prescribing_doctor_id: self.prescribing_doctor_id.clone().or(former.prescribing_doctor_id),
            notes: self.notes.clone().map_or(former.notes, rules::trimmed),
            is_active: self.is_active.unwrap_or(former.is_active),
            check: former.check,
            is_acknowledged: former.is_acknowledged,
        }
    }

    /// Whether all that is alerted of now was acknowledged for this very medicine, which the patient takes.
    fn is_known(&self, former: &Medication, checked: &Medication) -> bool {
        let is_same = self.name.is_none() && self.code.is_none();
        let is_nothing_new = says_nothing_worse(&checked.check, &former.check);
        former.is_acknowledged && former.is_active && is_same && is_nothing_new
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{doctor_with_patient, last_entry, put};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_medication_is_changed_and_stopped, another_medicine_is_checked_anew, no_update_is_lost, another_severe_allergy_is_acknowledged_anew,
        refusals_say_nothing_and_name_fields,
    }

    async fn medication(app: &TestApp, name: &str) -> (TestUser, String, String) {
        let (ann, path) = doctor_with_patient(app).await;
        let body = json!({"name": name, "dosage": "500mg", "startDate": "2023-06-01"});
        let made = app.post(&format!("{path}/medications")).by(&ann).json(&body).expect(201).await;
        let item = format!("{path}/medications/{}", made["id"].as_str().unwrap());
        (ann, path, item)
    }

    async fn a_medication_is_changed_and_stopped(app: TestApp) {
        let (ann, path, item) = medication(&app, "Metformin").await;
        let more = put(&app, &ann, &item, 1, &json!({"dosage": "1000mg"})).expect(200).await;
        assert_eq!(
            (&more["dosage"], &more["name"], &more["version"]),
            (&json!("1000mg"), &json!("Metformin"), &json!(2))
        );
        assert_eq!(more["check"]["status"], "ok", "it is no duplicate of itself");
        assert_eq!(
            (&more["history"][0]["dosage"], &more["history"][0]["replacedBy"]),
            (&json!("500mg"), &json!(ann.id))
        );
        let stopped = put(&app, &ann, &item, 2, &json!({"isActive": false, "endDate": "2024-01-01"})).expect(200).await;
        assert_eq!(
            (&stopped["isActive"], &stopped["check"]["reasons"][0]["kind"]),
            (&json!(false), &json!("not-active"))
        );
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&chart["medications"], &chart["pastMedications"][0]["name"]), (&json!([]), &json!("Metformin")));
        let again = put(&app, &ann, &item, 3, &json!({"isActive": true})).expect(200).await;
        assert_eq!((&again["endDate"], &again["check"]["status"]), (&Value::Null, &json!("ok")));
        assert_eq!(app.get(&path).by(&ann).expect(200).await["medications"].as_array().unwrap().len(), 1);
        assert_eq!(last_entry(&app, "medication.update").await.because, ["created"]);
    }

    async fn another_medicine_is_checked_anew(app: TestApp) {
        let (ann, path, item) = medication(&app, "Metformin").await;
        let allergy = json!({"allergy": "Penicillin", "severity": "severe"});
        app.post(&format!("{path}/allergies")).by(&ann).json(&allergy).expect(201).await;
        let other = json!({"name": "Amoxicillin"});
        let answer = put(&app, &ann, &item, 1, &other).send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]["details"]["field"]),
            (409, &json!("acknowledgeAlerts"))
        );
        let known = json!({"name": "Amoxicillin", "acknowledgeAlerts": true});
        assert_eq!(put(&app, &ann, &item, 1, &known).expect(200).await["isAcknowledged"], true);
        // The same medicine needs no second word; taking it up again does.
        assert_eq!(put(&app, &ann, &item, 2, &json!({"dosage": "1g"})).expect(200).await["isAcknowledged"], true);
        put(&app, &ann, &item, 3, &json!({"isActive": false})).expect(200).await;
        assert_eq!(put(&app, &ann, &item, 4, &json!({"isActive": true})).send().await.status.as_u16(), 409);
    }

    async fn another_severe_allergy_is_acknowledged_anew(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let allergic = async |name: &str, severity: &str| {
            let body = json!({"allergy": name, "severity": severity});
            app.post(&format!("{path}/allergies")).by(&ann).json(&body).expect(201).await["id"].clone()
        };
        allergic("Penicillin", "severe").await;
        let mild = allergic("Amoxicillin", "mild").await;
        let body = json!({"name": "Amoxicillin", "acknowledgeAlerts": true});
        let made = app.post(&format!("{path}/medications")).by(&ann).json(&body).expect(201).await;
        let item = format!("{path}/medications/{}", made["id"].as_str().unwrap());
        put(&app, &ann, &item, 1, &json!({"dosage": "1g"})).expect(200).await;
        // What was mild is severe now, and nobody has acknowledged that.
        let worse = json!({"severity": "severe"});
        put(&app, &ann, &format!("{path}/allergies/{}", mild.as_str().unwrap()), 1, &worse).expect(200).await;
        assert_eq!(app.get(&path).by(&ann).expect(200).await["medications"][0]["isAcknowledged"], false);
        let answer = put(&app, &ann, &item, 2, &json!({"dosage": "2g"})).send().await;
        assert_eq!(answer.status.as_u16(), 409, "{}", answer.body);
        assert_eq!(last_entry(&app, "medication.check").await.user_id.as_ref(), Some(&ann.id));
        let known = json!({"dosage": "2g", "acknowledgeAlerts": true});
        put(&app, &ann, &item, 2, &known).expect(200).await;
        put(&app, &ann, &item, 3, &json!({"dosage": "3g"})).expect(200).await;
        assert_eq!(app.get(&path).by(&ann).expect(200).await["medications"][0]["isAcknowledged"], true);
    }

    async fn no_update_is_lost(app: TestApp) {
        let (ann, _, item) = medication(&app, "Metformin").await;
        assert_eq!(app.put(&item).by(&ann).json(&json!({})).send().await.status.as_u16(), 428);
        let (one, other) = (json!({"dosage": "1"}), json!({"dosage": "2"}));
        let (one, other) =
            tokio::join!(put(&app, &ann, &item, 1, &one).send(), put(&app, &ann, &item, 1, &other).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }

    async fn refusals_say_nothing_and_name_fields(app: TestApp) {
        let (ann, path, item) = medication(&app, "Metformin").await;
        let body = json!({"name": "X"});
        let (sam, nurse) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Nurse, "N").await);
        let none = put(&app, &sam, "/api/v1/patients/none/medications/none", 1, &body).expect(404).await;
        assert_eq!(put(&app, &sam, &item, 1, &body).expect(404).await, none);
        put(&app, &ann, &format!("{path}/medications/none"), 1, &body).refused(404, "NOT_FOUND").await;
        let new = app.user_verified(Role::Doctor, "New", false).await;
        put(&app, &new, &item, 1, &body).refused(403, "FORBIDDEN").await;
        for (body, named) in [
            (json!({"name": null}), "name"),
            (json!({"endDate": "2023-05-31"}), "endDate"),
            (json!({"startDate": "1984-01-01"}), "startDate"),
            (json!({"prescribingDoctorId": nurse.id}), "prescribingDoctorId"),
            (json!({"isActive": null}), "isActive"),
            (json!({"isAcknowledged": true}), "isAcknowledged"),
        ] {
            assert_eq!(put(&app, &ann, &item, 1, &body).refused(400, "VALIDATION_ERROR").await, named, "{body}");
        }
    }
}
