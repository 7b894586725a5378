use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::{Asking, ChartPlaces};
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, PatientId, Phi, Time};
use model::consent::DataKind;
use model::vitals::{VITALS, Vitals, VitalsRecord, vitals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::chart::Chart;
use crate::rules;
use crate::vitals::{VitalsInput, VitalsView, read};

/// Vital signs to record; at least one. What no living person has is refused.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecordVitalsBody {
    /// Systolic blood pressure, in mmHg.
    #[garde(skip)]
    #[schema(example = 120, minimum = 30, maximum = 300)]
    systolic_bp: Option<u32>,
    /// Diastolic blood pressure, in mmHg: below the systolic one.
    #[garde(skip)]
    #[schema(example = 80, minimum = 10, maximum = 200)]
    diastolic_bp: Option<u32>,
    /// Heart beats in a minute.
    #[garde(skip)]
    #[schema(example = 72, minimum = 20, maximum = 350)]
    heart_rate: Option<u32>,
    /// Body temperature: 25 to 45 °C.
    #[garde(skip)]
    #[schema(example = 37.5)]
    temperature: Option<f64>,
    /// `C` unless told, or `F`.
    #[garde(skip)]
    #[schema(example = "C")]
    temperature_unit: Option<String>,
    /// Breaths in a minute.
    #[garde(skip)]
    #[schema(example = 16, minimum = 3, maximum = 120)]
    respiration_rate: Option<u32>,
    /// Oxygen saturation, in percent.
    #[garde(skip)]
    #[schema(example = 98.5, minimum = 30, maximum = 100)]
    oxygen_saturation: Option<f64>,
    /// Body weight: 0.2 to 650 kg.
    #[garde(skip)]
    #[schema(example = 75.5)]
    weight: Option<f64>,
    /// `kg` unless told, or `lb`.
    #[garde(skip)]
    #[schema(example = "kg")]
    weight_unit: Option<String>,
    /// Body height: 20 to 275 cm.
    #[garde(skip)]
    #[schema(example = 180)]
    height: Option<f64>,
    /// `cm` unless told, or `in`.
    #[garde(skip)]
    #[schema(example = "cm")]
    height_unit: Option<String>,
    /// More in words.
    #[garde(inner(custom(rules::lines)))]
    #[schema(example = "Patient appears healthy", max_length = 1000)]
    notes: Option<String>,
    /// When it was measured; now unless told. Not in the future, not before the patient was born.
    #[garde(skip)]
    recorded_at: Option<Time>,
}

/// Vital signs that were recorded.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordedVitals {
    /// Systolic blood pressure, in mmHg.
    #[schema(example = 120)]
    systolic_bp: Option<u32>,
    /// Diastolic blood pressure, in mmHg.
    #[schema(example = 80)]
    diastolic_bp: Option<u32>,
    /// The set as the history has it.
    #[serde(flatten)]
    set: VitalsView,
}

/// Record vital signs
///
/// By clinical staff who care for the patient. Each value is compared with what is usual at the patient's age.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/vitals", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = RecordVitalsBody,
    responses((status = 201, body = RecordedVitals, description = "Recorded"), Problems),
)]
pub(crate) async fn record_vitals(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Json(body): Json<RecordVitalsBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("vitals.create").entity("vitals", &id);
    let asking = Asking::of(&app, &caller);
    let now = app.now();
    let at = body.recorded_at.unwrap_or(now);
    let measured = body.measured()?;
    let stored = caller.store.transact("record-vitals", async |tx| {
        let chart = Chart::enter(&asking, &tx, &patient, &Action::Write(DataKind::Vitals), &[]).await?;
        let age_in_days = age_at(&chart, at, now)?;
        let measured = Vitals { age_in_days, ..measured.clone() };
        let place = ChartPlaces::of(caller.tenant(), &patient).item(VITALS, id.as_str());
        let body = chart.open.key.seal_json(&place, &Phi::new(measured.clone()))?;
        let record = VitalsRecord { recorded_at: at, recorded_by: caller.user().clone(), created_at: now, body };
        tx.create(&vitals(&patient), id.as_str(), &record)?;
        Ok::<_, ApiError>((record, measured))
    });
    let (record, measured) = stored.await?;
    let Vitals { systolic_bp, diastolic_bp, .. } = measured;
    let set = VitalsView::of(id, &record, measured);
    Ok((StatusCode::CREATED, Json(RecordedVitals { systolic_bp, diastolic_bp, set })))
}

/// The patient's age at a moment that lies in the life so far.
fn age_at(chart: &Chart<'_>, at: Time, now: Time) -> Result<Option<i32>, ApiError> {
    if at > now {
        return Err(rules::wrong("recordedAt", "not in the future"));
    }
    match chart.born()?.map(|born| born.age_in_days(at)) {
        // The day of the birth is a day earlier in UTC for those who are born in the morning east of Greenwich.
        Some(days) if days < -1 => Err(rules::wrong("recordedAt", "not before the patient was born")),
        age => Ok(age.map(|days| days.max(0))),
    }
}

impl RecordVitalsBody {
    fn measured(self) -> Result<Vitals, ApiError> {
        read(VitalsInput {
            systolic_bp: self.systolic_bp,
            diastolic_bp: self.diastolic_bp,
            heart_rate: self.heart_rate,
            temperature: self.temperature,
            temperature_unit: self.temperature_unit,
            respiration_rate: self.respiration_rate,
            oxygen_saturation: self.oxygen_saturation,
            weight: self.weight,
            weight_unit: self.weight_unit,
            height: self.height,
            height_unit: self.height_unit,
            notes: rules::trimmed(self.notes),
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::TestApp;

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry, register};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        vitals_are_recorded_as_the_api_says, flags_go_by_age, other_units_are_kept, clinical_staff_who_care_record,
        what_breaks_a_rule_is_named, it_costs_one_read_and_one_commit,
    }

    fn set() -> Value {
        json!({"systolicBp": 120, "diastolicBp": 80, "heartRate": 72, "temperature": 37.5, "respirationRate": 16,
            "oxygenSaturation": 98.5, "weight": 75.5, "height": 180, "notes": "Patient appears healthy"})
    }

    async fn vitals_are_recorded_as_the_api_says(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let mut body = set();
        body["recordedAt"] = json!("2024-01-15T10:30:00Z");
        let made = app.post(&format!("{path}/vitals")).by(&ann).json(&body).expect(201).await;
        let normal = "normal";
        let expected = json!({
            "id": made["id"], "systolicBp": 120, "diastolicBp": 80, "date": "2024-01-15",
            "recordedDate": "2024-01-15T10:30:00.000Z", "recordedBy": ann.id, "systolic": 120, "diastolic": 80,
            "heartRate": 72, "temperature": 37.5, "respirationRate": 16, "oxygenSaturation": 98.5, "weight": 75.5,
            "height": 180.0, "bmi": 23.3, "notes": "Patient appears healthy",
            "flags": {"ageBand": "adult", "systolicBp": normal, "diastolicBp": normal, "heartRate": normal,
                "temperature": normal, "respirationRate": normal, "oxygenSaturation": normal, "bmi": normal},
        });
        assert_eq!(made, expected);
        assert_sealed(&app, &id_of(&path), &["healthy", "98.5", "heartRate", "75.5"]).await;
        assert_eq!(last_entry(&app, "vitals.create").await.patients, [id_of(&path)]);
    }

    async fn flags_go_by_age(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let flag = async |born: &str| {
            let path = register(&app, &ann, &json!({"name": "X", "dateOfBirth": born})).await;
            let made = app.post(&format!("{path}/vitals")).by(&ann).json(&json!({"heartRate": 150})).expect(201).await;
            (made["flags"]["ageBand"].clone(), made["flags"]["heartRate"].clone())
        };
        assert_eq!(flag("2026-01-10").await, (json!("newborn"), json!("normal")));
        assert_eq!(flag("2021-01-10").await, (json!("preschool"), json!("high")));
        assert_eq!(flag("1985-01-10").await, (json!("adult"), json!("critical-high")));
    }

    async fn other_units_are_kept(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"temperature": 98.6, "temperatureUnit": "F", "weight": 165, "weightUnit": "lb", "height": 71,
            "heightUnit": "in"});
        let made = app.post(&format!("{path}/vitals")).by(&ann).json(&body).expect(201).await;
        assert_eq!(
            (&made["temperature"], &made["weight"], &made["height"]),
            (&json!(37.0), &json!(74.84), &json!(180.34))
        );
        let given = json!({"temperature": {"value": 98.6, "unit": "F"}, "weight": {"value": 165.0, "unit": "lb"},
            "height": {"value": 71.0, "unit": "in"}});
        assert_eq!(made["given"], given);
        assert_eq!(app.get(&path).by(&ann).expect(200).await["vitals"][0]["given"], given);
    }

    async fn clinical_staff_who_care_record(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let post = |user, path: &str| app.post(&format!("{path}/vitals")).by(user).json(&set());
        let (nurse, desk) = (app.user(Role::Nurse, "N").await, app.user(Role::Receptionist, "D").await);
        let foreign = post(&nurse, &path).expect(404).await;
        assert_eq!(post(&nurse, "/api/v1/patients/none").expect(404).await, foreign);
        for user in [&nurse, &desk] {
            app.change_patient(&id_of(&path), |patient| patient.relate(&user.id, |relation| relation.created = true))
                .await;
        }
        post(&nurse, &path).expect(201).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        let new = app.user_verified(Role::Nurse, "New", false).await;
        for user in [&desk, &pat, &new] {
            post(user, &path).refused(403, "FORBIDDEN").await;
        }
        app.post(&format!("{path}/vitals")).json(&set()).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (field, value, named) in [
            ("heartRate", json!(900), "heartRate"),
            ("heartRate", json!(-1), "heartRate"),
            ("heartRate", json!(72.5), "heartRate"),
            ("diastolicBp", json!(130), "diastolicBp"),
            ("diastolicBp", Value::Null, "diastolicBp"),
            ("temperature", json!(98.6), "temperature"),
            ("temperatureUnit", json!("K"), "temperatureUnit"),
            ("respirationRate", json!(500), "respirationRate"),
            ("oxygenSaturation", json!(101), "oxygenSaturation"),
            ("weight", json!(0), "weight"),
            ("height", json!(1.8), "height"),
            ("notes", json!("x".repeat(1001)), "notes"),
            ("recordedAt", json!("2026-01-15T10:00:00.001Z"), "recordedAt"),
            ("recordedAt", json!("1985-03-01T10:00:00Z"), "recordedAt"),
            ("recordedAt", json!("2024-01-15"), "recordedAt"),
            ("pulse", json!(72), "pulse"),
        ] {
            let mut body = set();
            body[field] = value.clone();
            let answered =
                app.post(&format!("{path}/vitals")).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(answered, named, "{value}");
        }
        let named = app
            .post(&format!("{path}/vitals"))
            .by(&ann)
            .json(&json!({"notes": "well"}))
            .refused(400, "VALIDATION_ERROR")
            .await;
        assert_eq!(named, "vitals");
        assert_eq!(app.get(&format!("{path}/vitals")).by(&ann).expect(200).await["pagination"]["total"], 0);
    }

    async fn it_costs_one_read_and_one_commit(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        app.get(&path).by(&ann).expect(200).await;
        let before = app.store.meter().counts();
        app.post(&format!("{path}/vitals")).by(&ann).json(&set()).expect(201).await;
        let expected = Counts { gets: 1, queries: 0, commits: 1, documents_read: 1, documents_written: 2 };
        assert_eq!(app.store.meter().counts() - before, expected);
    }
}
