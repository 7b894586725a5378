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
