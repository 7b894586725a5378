use kernel::{ChartItemId, Day, Time, UserId};
use model::vitals::{Given, Measured, Vitals, VitalsRecord};
use serde::Serialize;
use utoipa::ToSchema;

use super::flags::{VitalsFlags, body_mass_index};

/// A set of vital signs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VitalsView {
    /// Its id.
    id: ChartItemId,
    /// The day it was measured, in UTC.
    #[schema(example = "2024-01-15")]
    date: Day,
    /// When it was measured.
    recorded_date: Time,
    /// Who recorded it.
    recorded_by: UserId,
    /// Systolic blood pressure, in mmHg.
    #[schema(example = 120)]
    systolic: Option<u32>,
    /// Diastolic blood pressure, in mmHg.
    #[schema(example = 80)]
    diastolic: Option<u32>,
    /// Heart beats in a minute.
    #[schema(example = 72)]
    heart_rate: Option<u32>,
    /// Body temperature, in °C.
    #[schema(example = 37.5)]
    temperature: Option<f64>,
    /// Breaths in a minute.
    #[schema(example = 16)]
    respiration_rate: Option<u32>,
    /// Oxygen saturation, in percent.
    #[schema(example = 98.5)]
    oxygen_saturation: Option<f64>,
    /// Body weight, in kg.
    #[schema(example = 75.5)]
    weight: Option<f64>,
    /// Body height, in cm.
    #[schema(example = 180)]
    height: Option<f64>,
    /// Body mass index, in kg/m², where weight and height were measured together.
    #[schema(example = 23.3)]
    bmi: Option<f64>,
    /// What was given in another unit, as it was given.
    #[serde(skip_serializing_if = "AsGiven::is_empty")]
    given: AsGiven,
    /// More in words.
    notes: Option<String>,
    /// How each compares with what is usual at the age that the patient had.
    flags: VitalsFlags,
}

/// Measurements as they were given, where that was in another unit.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AsGiven {
    /// The temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<GivenView>,
    /// The weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<GivenView>,
    /// The height.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<GivenView>,
}

/// A measurement as it was given.
#[derive(Serialize, ToSchema)]
struct GivenView {
    /// The number.
    #[schema(example = 98.6)]
    value: f64,
    /// The unit.
    #[schema(example = "F")]
    unit: String,
}

impl AsGiven {
    const fn is_empty(&self) -> bool {
        self.temperature.is_none() && self.weight.is_none() && self.height.is_none()
    }
}

impl VitalsView {
    /// Shows a set. A named disclosure.
    pub(crate) fn of(id: ChartItemId, record: &VitalsRecord, vitals: Vitals) -> Self {
        let flags = VitalsFlags::of(&vitals);
        let bmi = body_mass_index(&vitals);
        let Vitals { systolic_bp, diastolic_bp, heart_rate, respiration_rate, oxygen_saturation, notes, .. } = vitals;
        let (temperature, given_temperature) = apart(vitals.temperature);
        let (weight, given_weight) = apart(vitals.weight);
        let (height, given_height) = apart(vitals.height);
        Self {
            id,
            date: Day::of(record.recorded_at),
            recorded_date: record.recorded_at,
            recorded_by: record.recorded_by.clone(),
            systolic: systolic_bp,
            diastolic: diastolic_bp,
            heart_rate,
            temperature,
            respiration_rate,
            oxygen_saturation,
            weight,
            height,
            bmi,
            given: AsGiven { temperature: given_temperature, weight: given_weight, height: given_height },
            notes,
            flags,
        }
    }
}

fn apart(measured: Option<Measured>) -> (Option<f64>, Option<GivenView>) {
    let Some(Measured { value, given }) = measured else { return (None, None) };
    (Some(value), given.map(|Given { value, unit }| GivenView { value, unit }))
}
