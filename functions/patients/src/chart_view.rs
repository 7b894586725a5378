use std::collections::BTreeSet;

use access::decision::{Action, Decision, Reason};
use charts::Asking;
use kernel::{Day, PatientId};
use model::chart::{Allergy, Condition, Diagnosis, Item, Medication, Part};
use model::consent::DataKind;
use model::vitals::vitals;
use serde::Serialize;
use store::Direction;
use utoipa::ToSchema;
use web::{ApiError, Trail};

use crate::add_allergy::AllergyView;
use crate::add_diagnosis::DiagnosisView;
use crate::add_medication::MedicationView;
use crate::add_my_condition::ConditionView;
use crate::chart::Chart;
use crate::identity::{Identity, PatientView};
use crate::list_vitals::show;
use crate::medicines::{Others, Subject, check, not_active, says_nothing_worse};
use crate::vitals::VitalsView;

/// How many sets of vital signs a chart shows.
const LATEST_VITALS: u32 = 10;

/// A chart: who the patient is, and what is known. A part that the caller may not see is `null` and named in `withheld`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChartView {
    /// Who the patient is.
    #[serde(flatten)]
    patient: PatientView,
    /// The diagnoses that stand, in words.
    #[schema(example = json!(["Hypertension", "Type 2 Diabetes"]))]
    diagnoses: Option<Vec<String>>,
    /// All diagnoses, those that are over too.
    diagnosis_details: Option<Vec<DiagnosisView>>,
    /// The current medications.
    medications: Option<Vec<MedicationView>>,
    /// Medications that were stopped or are over.
    past_medications: Option<Vec<MedicationView>>,
    /// The allergies that stand, in words.
    #[schema(example = json!(["Penicillin"]))]
    allergies: Option<Vec<String>>,
    /// All allergies, those that were wrong or are over too.
    allergy_details: Option<Vec<AllergyView>>,
    /// What the patient reports; seen with the diagnoses.
    conditions: Option<Vec<ConditionView>>,
    /// The latest sets of vital signs, at most 10, newest first.
    vitals: Option<Vec<VitalsView>>,
    /// The parts that the caller may not see.
    #[schema(example = json!([]))]
    withheld: Vec<DataKind>,
}

impl ChartView {
    /// The version of the identity part.
    pub(crate) const fn version(&self) -> u32 {
        self.patient.version()
    }
}

/// Reads and shows a chart, as far as the asker may see it: one read by key and one query.
pub(crate) async fn view_chart(asking: &Asking<'_>, trail: &Trail, id: &PatientId) -> Result<ChartView, ApiError> {
    let chart = Chart::read(asking, id, &Action::Read(DataKind::Demographics), &Part::ALL).await?;
    let withheld = withheld(asking, trail, &chart).await?;
    let sees = |kind: DataKind| !withheld.contains(&kind);
    let latest = if sees(DataKind::Vitals) { Some(latest_vitals(asking, &chart).await?) } else { None };
    let (mut diagnoses, mut conditions, mut allergies, mut medications) = (None, None, None, None);
    if sees(DataKind::Diagnoses) {
        diagnoses = Some(chart.items::<Diagnosis>()?);
        conditions = Some(chart.items::<Condition>()?);
    }
    if sees(DataKind::Allergies) {
        allergies = Some(chart.items::<Allergy>()?);
    }
    if sees(DataKind::Medications) {
        medications = Some(chart.items::<Medication>()?);
    }
    let (current, past) = medications.map(|all| compared(all, allergies.clone(), Day::of(asking.app().now()))).unzip();
    let identity = Identity::open(chart.tenant, &chart.open)?;
    Ok(ChartView {
        patient: PatientView::of(id.clone(), &chart.open.patient, identity),
        diagnoses: names(diagnoses.as_deref(), |one| one.is_active.then(|| one.diagnosis.clone())),
        diagnosis_details: views(diagnoses),
        medications: views(current),
        past_medications: views(past),
        allergies: names(allergies.as_deref(), |one| one.is_active.then(|| one.allergy.clone())),
        allergy_details: views(allergies),
        conditions: views(conditions),
        vitals: latest,
        withheld: withheld.into_iter().collect(),
    })
}

/// The current medications and the others, each with what comparing it with the chart finds now: what was found when it
/// was written may have been silent about an allergy that was found since.
fn compared(
    medications: Vec<Item<Medication>>,
    allergies: Option<Vec<Item<Allergy>>>,
    today: Day,
) -> (Vec<Item<Medication>>, Vec<Item<Medication>>) {
    let others = Others::of(allergies, medications.clone(), today);
    let (mut current, mut past): (Vec<_>, Vec<_>) =
        medications.into_iter().partition(|one| one.entry.is_current(today));
    for Item { id, entry, .. } in &mut current {
        let found = check(Subject { id: Some(id), name: &entry.name, code: entry.code.as_ref() }, &others);
        entry.is_acknowledged &= says_nothing_worse(&found, &entry.check);
        entry.check = found;
    }
    past.iter_mut().for_each(|one| one.entry.check = not_active());
    (current, past)
}

/// Which of the parts that a chart shows the asker may not see. What allows the others goes on the trail.
async fn withheld(asking: &Asking<'_>, trail: &Trail, chart: &Chart<'_>) -> Result<BTreeSet<DataKind>, ApiError> {
    let mut withheld = BTreeSet::new();
    for kind in [DataKind::Diagnoses, DataKind::Medications, DataKind::Allergies, DataKind::Vitals] {
        match asking.decide(&chart.open.id, &chart.open.patient, &Action::Read(kind)).await? {
            Decision::Allow(reasons) => drop(trail.because(reasons.iter().map(Reason::code))),
            Decision::Deny(_) => drop(withheld.insert(kind)),
        }
    }
    Ok(withheld)
}

async fn latest_vitals(asking: &Asking<'_>, chart: &Chart<'_>) -> Result<Vec<VitalsView>, ApiError> {
    let sets = vitals(&chart.open.id);
    let latest = sets.all().order("recordedAt", Direction::Descending).limit(LATEST_VITALS);
    show(chart.tenant, &chart.open, asking.store().query(&sets, &latest).await?)
}

fn names<T>(items: Option<&[Item<T>]>, name: impl Fn(&T) -> Option<String>) -> Option<Vec<String>> {
    items.map(|items| items.iter().filter_map(|item| name(&item.entry)).collect())
}

fn views<T, V: From<Item<T>>>(items: Option<Vec<Item<T>>>) -> Option<Vec<V>> {
    items.map(|items| items.into_iter().map(V::from).collect())
}
