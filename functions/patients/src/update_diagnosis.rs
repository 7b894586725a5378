use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use kernel::{ChartItemId, Day, PatientId};
use model::chart::{Diagnosis, MedicalCode, Part};
use model::consent::DataKind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::add_diagnosis::{DiagnosisView, check_days, must_be_doctor};
use crate::change::present;
use crate::chart::{By, Chart};
use crate::if_match::{IfMatch, etag};
use crate::wire::Corrected;
use crate::{code, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateDiagnosisBody {
    /// What, in words.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "Type 2 Diabetes", min_length = 1, max_length = 255)]
    diagnosis: Option<String>,
    /// The same as a code of ICD-10, ICD-10-CM or SNOMED CT; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<MedicalCode>)]
    code: Option<Option<MedicalCode>>,
    /// When it was made; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2023-06-01")]
    diagnosed_date: Option<Option<Day>>,
    /// When it was over, which ends it; `null` makes it stand again.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2024-01-15")]
    resolved_date: Option<Option<Day>>,
    /// More in words; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, max_length = 1000)]
    notes: Option<Option<String>>,
    /// Whether it stands: `false` for one that is over or was wrong. Goes with `resolvedDate` unless told.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    is_active: Option<bool>,
}

/// Correct or resolve a diagnosis
///
/// By a doctor who cares for the patient, with the `ETag` that was seen as `If-Match`. What it said before is kept, and
/// answered as `history`.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}/diagnoses/{diagnosisId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("diagnosisId" = ChartItemId, Path, description = "The diagnosis"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdateDiagnosisBody,
    responses(
        (status = 200, body = Corrected<DiagnosisView>, description = "As it is now",
            headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_diagnosis(
    State(app): State<App>,
    caller: Caller,
    Path((patient, id)): Path<(PatientId, ChartItemId)>,
    seen: IfMatch,
    Json(mut body): Json<UpdateDiagnosisBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("diagnosis.update").entity("diagnosis", &id);
    body.code = body.code.map(|code| code::read(code, code::OF_CONDITIONS)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let changed = caller.store.transact("update-diagnosis", async |tx| {
        let action = Action::Write(DataKind::Diagnoses);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Diagnoses]).await?;
        must_be_doctor(&caller)?;
        let former = chart.item::<Diagnosis>(&id)?;
        seen.must_be(former.version)?;
        let entry = body.applied_to(&former.entry);
        check_days(&entry, chart.born()?, by.at)?;
        let item = chart.replace(&tx, former, entry, by)?;
        Ok::<_, ApiError>((chart, item))
    });
    let (chart, item) = changed.await?;
    let former = chart.former(&asking, &item).await?;
    Ok((etag(item.version), Json(Corrected::<DiagnosisView>::of(item, former))))
}

impl UpdateDiagnosisBody {
    fn applied_to(&self, former: &Diagnosis) -> Diagnosis {
        let Diagnosis { diagnosis, code, diagnosed_date, resolved_date, notes, is_active } = former.clone();
        // To stand again is to be over no more.
        let stands_again = self.is_active == Some(true) && self.resolved_date.is_none();
        Diagnosis {
            diagnosis: self.diagnosis.as_deref().map_or(diagnosis, |text| text.trim().to_owned()),
            code: self.code.clone().unwrap_or(code),
            diagnosed_date: self.diagnosed_date.unwrap_or(diagnosed_date),
            resolved_date: self.resolved_date.unwrap_or(resolved_date).filter(|_| !stands_again),
            notes: self.notes.clone().map_or(notes, rules::trimmed),
            is_active: self.is_active.or_else(|| self.resolved_date.map(|day| day.is_none())).unwrap_or(is_active),
        }
    }
}
