use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use kernel::{ChartItemId, PatientId};
use model::chart::{Allergy, MedicalCode, Part, Severity};
use model::consent::DataKind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::add_allergy::AllergyView;
use crate::change::present;
use crate::chart::{By, Chart};
use crate::if_match::{IfMatch, etag};
use crate::wire::Corrected;
use crate::{code, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateAllergyBody {
    /// To what, in words.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "Penicillin", min_length = 1, max_length = 255)]
    allergy: Option<String>,
    /// The same as a code of RxNorm, ATC or SNOMED CT; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<MedicalCode>)]
    code: Option<Option<MedicalCode>>,
    /// How bad.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Severity, required = false, example = "severe")]
    severity: Option<Severity>,
    /// What happens; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, example = "Causes rash", max_length = 1000)]
    reaction_description: Option<Option<String>>,
    /// Whether it stands: `false` for one that was wrong or is over.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    is_active: Option<bool>,
}

/// Correct or inactivate an allergy
///
/// By clinical staff who care for the patient, with the `ETag` that was seen as `If-Match`. What it said before is kept,
/// and answered as `history`.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}/allergies/{allergyId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("allergyId" = ChartItemId, Path, description = "The allergy"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdateAllergyBody,
    responses(
        (status = 200, body = Corrected<AllergyView>, description = "As it is now",
            headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_allergy(
    State(app): State<App>,
    caller: Caller,
    Path((patient, id)): Path<(PatientId, ChartItemId)>,
    seen: IfMatch,
    Json(mut body): Json<UpdateAllergyBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("allergy.update").entity("allergy", &id);
    body.code = body.code.map(|code| code::read(code, code::OF_SUBSTANCES)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let changed = caller.store.transact("update-allergy", async |tx| {
        let action = Action::Write(DataKind::Allergies);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Allergies]).await?;
        let former = chart.item::<Allergy>(&id)?;
        seen.must_be(former.version)?;
        let entry = body.applied_to(&former.entry);
        let item = chart.replace(&tx, former, entry, by)?;
        Ok::<_, ApiError>((chart, item))
    });
    let (chart, item) = changed.await?;
    let former = chart.former(&asking, &item).await?;
    Ok((etag(item.version), Json(Corrected::<AllergyView>::of(item, former))))
}

impl UpdateAllergyBody {
    fn applied_to(&self, former: &Allergy) -> Allergy {
        let Allergy { allergy, code, severity, reaction_description, is_active } = former.clone();
        Allergy {
            allergy: self.allergy.as_deref().map_or(allergy, |text| text.trim().to_owned()),
            code: self.code.clone().unwrap_or(code),
            severity: self.severity.unwrap_or(severity),
            reaction_description: self.reaction_description.clone().map_or(reaction_description, rules::trimmed),
            is_active: self.is_active.unwrap_or(is_active),
        }
    }
}
