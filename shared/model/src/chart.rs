//! What is in a chart: diagnoses, medications, allergies, and conditions that the patient reports.
//!
//! Each of these parts is one document below the patient, so that a whole chart is one read by key, and a new medication
//! is checked in a transaction against the allergies of that very moment. A part's items are sealed together, as a JSON
//! list of [`Item`]; their former states stand one by one in [`former_items`]. A part can hold about a megabyte.

use kernel::{ChartItemId, Day, PatientId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;
use utoipa::ToSchema;

/// The most items that a part holds.
pub const MOST_ITEMS: usize = 500;

/// A part of a chart that is a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// [`Diagnosis`].
    Diagnoses,
    /// [`Medication`].
    Medications,
    /// [`Allergy`].
    Allergies,
    /// [`Condition`].
    Conditions,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Diagnoses, Self::Medications, Self::Allergies, Self::Conditions];

    /// The part's name: the id of its document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diagnoses => "diagnoses",
            Self::Medications => "medications",
            Self::Allergies => "allergies",
            Self::Conditions => "conditions",
        }
    }
}

/// A part of a chart as it is stored. Sealed under the patient's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartPart {
    /// Sealed: the items, a JSON list of [`Item`].
    pub body: Sealed,
    /// When it was last changed.
    pub updated_at: Time,
}

/// The collection of a patient's parts, by [`Part::name`].
pub const CHART: &str = "chart";

/// A patient's parts, by [`Part::name`].
pub fn chart(patient: &PatientId) -> Collection<ChartPart> {
    Collection::below("patients", patient.as_str(), CHART, &[])
}

/// A former state of an item: what a correction replaced. Never changed. Sealed under the patient's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerItem {
    /// The part it was in.
    pub part: Part,
    /// The item.
    pub item_id: ChartItemId,
    /// Which version of it this was, from 1.
    pub version: u32,
    /// Who replaced it.
    pub replaced_by: UserId,
    /// When.
    pub replaced_at: Time,
    /// Sealed: the [`Item`] as it was.
    pub body: Sealed,
}

/// The collection of a patient's former items.
pub const FORMER: &str = "chart-history";

/// A patient's former items, by [`former_id`].
pub fn former_items(patient: &PatientId) -> Collection<FormerItem> {
    Collection::below("patients", patient.as_str(), FORMER, &[])
}

/// The id of an item's version among the former ones.
pub fn former_id(item: &ChartItemId, version: u32) -> String {
    format!("{item}_{version:06}")
}

/// An item of a part. Personal data: exists in memory only, and sealed in [`ChartPart::body`].
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<T> {
    /// Its id.
    pub id: ChartItemId,
    /// Which version this is, from 1: the `ETag`.
    pub version: u32,
    /// Who wrote it.
    pub created_by: UserId,
    /// When.
    pub created_at: Time,
    /// Who last changed it.
    pub updated_by: UserId,
    /// When.
    pub updated_at: Time,
    /// What it says.
    pub entry: T,
}

/// A diagnosis. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// What, in words.
    pub diagnosis: String,
    /// The same as a code.
    pub code: Option<MedicalCode>,
    /// When it was made.
    pub diagnosed_date: Option<Day>,
    /// When it was over.
    pub resolved_date: Option<Day>,
    /// More in words.
    pub notes: Option<String>,
    /// Whether it stands.
    pub is_active: bool,
}

/// A medication. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Medication {
    /// The medicine, in words.
    pub name: String,
    /// The same as a code.
    pub code: Option<MedicalCode>,
    /// How much at a time.
    pub dosage: Option<String>,
    /// How often.
    pub frequency: Option<String>,
    /// From when.
    pub start_date: Option<Day>,
    /// The last day.
    pub end_date: Option<Day>,
    /// Who prescribes it.
    pub prescribing_doctor_id: Option<UserId>,
    /// More in words.
    pub notes: Option<String>,
    /// Whether it was not stopped.
    pub is_active: bool,
    /// What the check said when it was written.
    pub check: MedicationCheck,
    /// Whether who wrote it went on in spite of an alert, knowing it.
    pub is_acknowledged: bool,
}

impl Medication {
    /// Whether the patient takes it on a day or will: neither stopped nor over.
    pub fn is_current(&self, today: Day) -> bool {
        self.is_active && self.end_date.is_none_or(|last| today <= last)
    }
}

/// An allergy. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allergy {
    /// To what, in words.
    pub allergy: String,
    /// The same as a code.
    pub code: Option<MedicalCode>,
    /// How bad.
    pub severity: Severity,
    /// What happens.
    pub reaction_description: Option<String>,
    /// Whether it stands.
    pub is_active: bool,
}

/// A condition that the patient reports. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What, in the patient's words.
    pub condition: String,
    /// The same as a code.
    pub code: Option<MedicalCode>,
    /// Since when.
    pub since: Option<Day>,
    /// More in words.
    pub notes: Option<String>,
}

/// How bad an allergy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A nuisance.
    #[default]
    Mild,
    /// In need of treatment.
    Moderate,
    /// A danger to life.
    Severe,
}

/// A code of a terminology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MedicalCode {
    /// Which terminology.
    pub system: CodeSystem,
    /// The code in it.
    #[schema(example = "E11.9", max_length = 20)]
    pub code: String,
}

/// A terminology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSystem {
    /// ICD-10 of the World Health Organization.
    #[serde(rename = "icd-10")]
    Icd10,
    /// ICD-10-CM of the United States.
    #[serde(rename = "icd-10-cm")]
    Icd10Cm,
    /// SNOMED CT.
    Snomed,
    /// `RxNorm`.
    #[serde(rename = "rxnorm")]
    RxNorm,
    /// The Anatomical Therapeutic Chemical classification of the World Health Organization.
    Atc,
}

impl CodeSystem {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icd10 => "icd-10",
            Self::Icd10Cm => "icd-10-cm",
            Self::Snomed => "snomed",
            Self::RxNorm => "rxnorm",
            Self::Atc => "atc",
        }
    }
}

/// What comparing a medicine with a chart found. Names, ingredients and classes are compared; doses, excipients and
/// interactions are not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MedicationCheck {
    /// The outcome.
    pub status: CheckStatus,
    /// With `alert`, what was found; with `not_checked`, what was not compared; with `ok`, none. An alert may name what
    /// was not compared as well.
    pub reasons: Vec<CheckReason>,
    /// With how many of the patient's allergies it was compared.
    #[schema(example = 1)]
    pub allergies_compared: u32,
    /// With how many of the other medications.
    #[schema(example = 2)]
    pub medications_compared: u32,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// All was compared, nothing was found.
    Ok,
    /// Something was found.
    Alert,
    /// Nothing was found, and not all could be compared.
    NotChecked,
}

/// Why a check ended as it did.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReason {
    /// Of which kind.
    pub kind: CheckKind,
    /// For people.
    #[schema(example = "Amoxicillin is one of the penicillins, and the chart has the allergy Penicillin (severe).")]
    pub text: String,
    /// The allergy or the medication of the chart it is about.
    pub item_id: Option<ChartItemId>,
    /// How bad the allergy is, where it is about one.
    pub severity: Option<Severity>,
}

/// The kinds of reasons of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// The patient is allergic to the medicine, to an ingredient or to its class.
    Allergy,
    /// The patient is allergic to a class that cross-reacts with the medicine's.
    CrossReactivity,
    /// The patient takes the same already.
    Duplicate,
    /// The patient takes another one of the class.
    SameClass,
    /// The medicine, or a part of its name, is not in the table: only names were compared.
    UnknownMedicine,
    /// An allergy or another medication is not in the table: it was compared by name only.
    UnknownInChart,
    /// A part of the chart is not for the caller to see and was not compared.
    Withheld,
    /// The medication is stopped or over, so that nothing was compared.
    NotActive,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
        }
        use CodeSystem::{Atc, Icd10, Icd10Cm, RxNorm, Snomed};
        for system in [Icd10, Icd10Cm, Snomed, RxNorm, Atc] {
            assert_eq!(serde_json::to_value(system).unwrap(), system.name());
        }
    }

    #[test]
    fn a_medication_is_current_through_its_last_day() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let check = MedicationCheck {
            status: CheckStatus::Ok,
            reasons: Vec::new(),
            allergies_compared: 0,
            medications_compared: 0,
        };
        let mut medication = Medication {
            name: "Metformin".to_owned(),
            code: None,
            dosage: None,
            frequency: None,
            start_date: None,
            end_date: Some(day("2024-01-15")),
            prescribing_doctor_id: None,
            notes: None,
            is_active: true,
            check,
            is_acknowledged: false,
        };
        assert!(medication.is_current(day("2024-01-15")) && !medication.is_current(day("2024-01-16")));
        medication.end_date = None;
        assert!(medication.is_current(day("2999-01-01")));
        medication.is_active = false;
        assert!(!medication.is_current(day("2024-01-15")));
    }
}
