//! Vital signs.

use kernel::{PatientId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// One set of measurements. Sealed under the patient's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VitalsRecord {
    /// When it was measured.
    pub recorded_at: Time,
    /// Who recorded it.
    pub recorded_by: UserId,
    /// When it was written down.
    pub created_at: Time,
    /// Sealed: [`Vitals`] in JSON.
    pub body: Sealed,
}

/// The collection of a patient's sets.
pub const VITALS: &str = "vitals";

/// A patient's sets, by [`kernel::ChartItemId`].
pub fn vitals(patient: &PatientId) -> Collection<VitalsRecord> {
    Collection::below("patients", patient.as_str(), VITALS, &[])
}

/// What was measured. Personal data: exists in memory only, and sealed in [`VitalsRecord::body`].
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vitals {
    /// Systolic blood pressure, in mmHg.
    pub systolic_bp: Option<u32>,
    /// Diastolic blood pressure, in mmHg.
    pub diastolic_bp: Option<u32>,
    /// Heart beats in a minute.
    pub heart_rate: Option<u32>,
    /// Body temperature.
    pub temperature: Option<Measured>,
    /// Breaths in a minute.
    pub respiration_rate: Option<u32>,
    /// Oxygen saturation, in percent.
    pub oxygen_saturation: Option<f64>,
    /// Body weight.
    pub weight: Option<Measured>,
    /// Body height.
    pub height: Option<Measured>,
    /// More in words.
    pub notes: Option<String>,
    /// How old the patient was, in days.
    pub age_in_days: Option<i32>,
}

/// A measurement that may have been given in another unit. Personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// In the unit that is stored: °C, kg or cm.
    pub value: f64,
    /// As it was given, where that was in another unit: `F`, `lb` or `in`.
    pub given: Option<Given>,
}

/// A measurement as it was given. Personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// The number.
    pub value: f64,
    /// The unit.
    pub unit: String,
}
