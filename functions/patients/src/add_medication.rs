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
    /// What comparing it with the chart found when it was written.
    check: MedicationCheck,
    /// Whether it was written in spite of an alert about a severe allergy.
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
    let added = added.await?;
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
    let medications = chart.items::<Medication>()?.into_iter();
    let others = Others {
        allergies: allergies.map(|all| all.into_iter().filter(|one| one.entry.is_active).collect()),
        medications: medications.filter(|one| one.id != *id && one.entry.is_current(today)).collect(),
    };
    let check = check(Subject { name: &entry.name, code: entry.code.as_ref() }, &others);
    Ok(Medication { check, ..entry })
}

/// Refuses a medication that meets a severe allergy, unless whoever writes it knows.
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
