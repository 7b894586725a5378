//! What an allergy that is written means for the medications that the patient takes already.

use access::decision::Action;
use charts::Asking;
use kernel::{ChartItemId, Day};
use model::chart::{Allergy, CheckStatus, Item, Medication, MedicationCheck};
use model::consent::DataKind;
use serde::Serialize;
use utoipa::ToSchema;
use web::ApiError;

use crate::chart::Chart;
use crate::medicines::{Others, Subject, check};

/// An allergy that was written, with what the patient takes in spite of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WithAlerts<T> {
    /// The allergy.
    #[serde(flatten)]
    pub(crate) item: T,
    /// The current medications that it meets, and those that could not wholly be compared with it; none for an allergy
    /// that stands no more. `null` where the caller may not see the medications. They stay as they are: somebody has to
    /// decide about them.
    pub(crate) alerts: Option<Vec<MedicationAlert>>,
}

/// A current medication that an allergy meets, or could not wholly be compared with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MedicationAlert {
    /// The medication.
    medication_id: ChartItemId,
    /// The medicine, in words.
    #[schema(example = "Amoxicillin")]
    name: String,
    /// What comparing it with this one allergy found.
    check: MedicationCheck,
}

/// Compares an allergy with the medications of a chart that was read with them. `None` where the asker may not see these.
pub(crate) async fn alerts(
    asking: &Asking<'_>,
    chart: &Chart<'_>,
    allergy: &Item<Allergy>,
) -> Result<Option<Vec<MedicationAlert>>, ApiError> {
    let action = Action::Read(DataKind::Medications);
    if !asking.decide(&chart.open.id, &chart.open.patient, &action).await?.is_allowed() {
        return Ok(None);
    }
    if !allergy.entry.is_active {
        return Ok(Some(Vec::new()));
    }
    let today = Day::of(asking.app().now());
    let others = Others::of(Some(vec![allergy.clone()]), Vec::new(), today);
    let current = chart.items::<Medication>()?.into_iter().filter(|one| one.entry.is_current(today));
    let compared = current.map(|Item { id, entry: Medication { name, code, .. }, .. }| {
        let check = check(Subject { id: Some(&id), name: &name, code: code.as_ref() }, &others);
        MedicationAlert { medication_id: id, name, check }
    });
    Ok(Some(compared.filter(|one| one.check.status != CheckStatus::Ok).collect()))
}
