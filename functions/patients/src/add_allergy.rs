use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, PatientId};
use model::chart::{Allergy, Item, MedicalCode, Part, Severity};
use model::consent::DataKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::chart::{By, Chart};
use crate::if_match::etag;
use crate::wire::ItemFrame;
use crate::{code, rules};

/// An allergy to add.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddAllergyBody {
    /// To what, in words.
    #[garde(custom(rules::one_line))]
    #[schema(example = "Penicillin", min_length = 1, max_length = 255)]
    allergy: String,
    /// The same as a code of RxNorm, ATC or SNOMED CT.
    #[garde(skip)]
    code: Option<MedicalCode>,
    /// How bad; `mild` unless told.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "moderate")]
    severity: Severity,
    /// What happens.
    #[garde(inner(custom(rules::lines)))]
    #[schema(example = "Causes rash", max_length = 1000)]
    reaction_description: Option<String>,
}

/// An allergy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AllergyView {
    /// Its id.
    id: ChartItemId,
    /// To what, in words.
    #[schema(example = "Penicillin")]
    allergy: String,
    /// The same as a code.
    code: Option<MedicalCode>,
    /// How bad.
    #[schema(example = "moderate")]
    severity: Severity,
    /// What happens.
    #[schema(example = "Causes rash")]
    reaction_description: Option<String>,
    /// Whether it stands.
    #[schema(example = true)]
    is_active: bool,
    /// When it was written and changed.
    #[serde(flatten)]
    frame: ItemFrame,
}

/// Add an allergy
///
/// By clinical staff who care for the patient. Medications are checked against it from then on.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/allergies", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = AddAllergyBody,
    responses(
        (status = 201, body = AllergyView, description = "Added", headers(("ETag", description = "The version"))),
        Problems,
    ),
)]
pub(crate) async fn add_allergy(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Json(body): Json<AddAllergyBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("allergy.create").entity("allergy", &id);
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let entry = body.entry()?;
    let added = caller.store.transact("add-allergy", async |tx| {
        let action = Action::Write(DataKind::Allergies);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Allergies]).await?;
        chart.add(&tx, &id, entry.clone(), by)
    });
    let added = added.await?;
    Ok((StatusCode::CREATED, etag(added.version), Json(AllergyView::from(added))))
}

impl AddAllergyBody {
    fn entry(self) -> Result<Allergy, ApiError> {
        Ok(Allergy {
            allergy: self.allergy.trim().to_owned(),
            code: code::read(self.code, code::OF_SUBSTANCES)?,
            severity: self.severity,
            reaction_description: rules::trimmed(self.reaction_description),
            is_active: true,
        })
    }
}

impl From<Item<Allergy>> for AllergyView {
    fn from(item: Item<Allergy>) -> Self {
        let (id, frame, entry) = ItemFrame::of(item);
        let Allergy { allergy, code, severity, reaction_description, is_active } = entry;
        Self { id, allergy, code, severity, reaction_description, is_active, frame }
    }
}
