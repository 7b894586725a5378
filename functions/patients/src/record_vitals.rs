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
