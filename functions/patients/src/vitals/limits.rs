//! What a living person can have. A value outside is a slip of the pen or a unit mistaken, and is refused.

use std::ops::RangeInclusive;

use model::vitals::{Given, Measured, Vitals};
use web::ApiError;

use crate::rules::wrong;

/// mmHg. The highest on record is about 370 under exertion; cuffs end at 300.
const SYSTOLIC: RangeInclusive<u32> = 30..=300;
/// mmHg.
const DIASTOLIC: RangeInclusive<u32> = 10..=200;
/// In a minute. Supraventricular tachycardia of infants reaches 300.
const HEART_RATE: RangeInclusive<u32> = 20..=350;
/// °C. The lowest survived is 13.7, the highest 46.5; what clinical thermometers show.
const TEMPERATURE: RangeInclusive<f64> = 25.0..=45.0;
/// In a minute.
const RESPIRATION_RATE: RangeInclusive<u32> = 3..=120;
/// Percent. Oximeters say nothing below.
const OXYGEN_SATURATION: RangeInclusive<f64> = 30.0..=100.0;
/// kg. From the smallest newborns that live to the heaviest person known.
const WEIGHT: RangeInclusive<f64> = 0.2..=650.0;
/// cm.
const HEIGHT: RangeInclusive<f64> = 20.0..=275.0;

/// Measurements as they are sent.
#[derive(Default)]
pub(crate) struct VitalsInput {
    pub(crate) systolic_bp: Option<u32>,
    pub(crate) diastolic_bp: Option<u32>,
    pub(crate) heart_rate: Option<u32>,
    pub(crate) temperature: Option<f64>,
    pub(crate) temperature_unit: Option<String>,
    pub(crate) respiration_rate: Option<u32>,
    pub(crate) oxygen_saturation: Option<f64>,
    pub(crate) weight: Option<f64>,
    pub(crate) weight_unit: Option<String>,
    pub(crate) height: Option<f64>,
    pub(crate) height_unit: Option<String>,
    pub(crate) notes: Option<String>,
}

/// A unit: its name in the API, and what a number in it is in the unit that is stored.
struct Unit {
    name: &'static str,
    convert: fn(f64) -> f64,
}

/// The first of each is the unit that is stored.
const TEMPERATURES: [Unit; 2] =
    [Unit { name: "C", convert: |c| c }, Unit { name: "F", convert: |f| (f - 32.0) * 5.0 / 9.0 }];
/// The international avoirdupois pound, exactly.
const WEIGHTS: [Unit; 2] =
    [Unit { name: "kg", convert: |kg| kg }, Unit { name: "lb", convert: |lb| lb * 0.453_592_37 }];
/// The international inch, exactly.
const HEIGHTS: [Unit; 2] =
    [Unit { name: "cm", convert: |cm| cm }, Unit { name: "in", convert: |inches| inches * 2.54 }];

/// Checks measurements and brings them to the units that are stored.
pub(crate) fn read(input: VitalsInput) -> Result<Vitals, ApiError> {
    let temperature = measure("temperature", input.temperature, input.temperature_unit, &TEMPERATURES, &TEMPERATURE)?;
    let vitals = Vitals {
        systolic_bp: within("systolicBp", input.systolic_bp, &SYSTOLIC, "mmHg")?,
        diastolic_bp: within("diastolicBp", input.diastolic_bp, &DIASTOLIC, "mmHg")?,
        heart_rate: within("heartRate", input.heart_rate, &HEART_RATE, "beats in a minute")?,
        temperature,
        respiration_rate: within("respirationRate", input.respiration_rate, &RESPIRATION_RATE, "breaths in a minute")?,
        oxygen_saturation: within("oxygenSaturation", input.oxygen_saturation, &OXYGEN_SATURATION, "percent")?,
        weight: measure("weight", input.weight, input.weight_unit, &WEIGHTS, &WEIGHT)?,
        height: measure("height", input.height, input.height_unit, &HEIGHTS, &HEIGHT)?,
        notes: input.notes,
        age_in_days: None,
    };
    match (vitals.systolic_bp, vitals.diastolic_bp) {
        (Some(systolic), Some(diastolic)) if systolic <= diastolic => {
            return Err(wrong("diastolicBp", "below the systolic pressure; are the two exchanged?"));
        }
        (Some(_), None) => return Err(wrong("diastolicBp", "a blood pressure is two numbers")),
        (None, Some(_)) => return Err(wrong("systolicBp", "a blood pressure is two numbers")),
        _ => {}
    }
    let has_any = vitals.systolic_bp.is_some()
        || vitals.heart_rate.is_some()
        || vitals.temperature.is_some()
        || vitals.respiration_rate.is_some()
        || vitals.oxygen_saturation.is_some()
        || vitals.weight.is_some()
        || vitals.height.is_some();
    if has_any { Ok(vitals) } else { Err(wrong("vitals", "at least one measurement")) }
}

fn within<N: PartialOrd + std::fmt::Display + Copy>(
    field: &str,
    value: Option<N>,
    limits: &RangeInclusive<N>,
    unit: &str,
) -> Result<Option<N>, ApiError> {
    match value {
        Some(value) if !limits.contains(&value) => {
            let (lowest, highest) = (limits.start(), limits.end());
            let rule = format!("{value} {unit} cannot be; nobody has less than {lowest} or more than {highest}");
            Err(wrong(field, rule))
        }
        value => Ok(value),
    }
}

fn measure(
    field: &str,
    value: Option<f64>,
    unit: Option<String>,
    units: &[Unit; 2],
    limits: &RangeInclusive<f64>,
) -> Result<Option<Measured>, ApiError> {
    let [stored, other] = units;
    let is_other = match unit.as_deref() {
        None => false,
        Some(name) if name == stored.name => false,
        Some(name) if name == other.name => true,
        Some(_) => return Err(wrong(&format!("{field}Unit"), format!("{} or {}", stored.name, other.name))),
    };
    let Some(given) = value else {
        return if is_other { Err(wrong(field, "a unit needs its number")) } else { Ok(None) };
    };
    let value = if is_other { hundredths((other.convert)(given)) } else { given };
    if !limits.contains(&value) {
        let shown = if is_other {
            format!("{given} {} is {value} {}", other.name, stored.name)
        } else {
            format!("{value} {}", stored.name)
        };
        let rule =
            format!("{shown}, which cannot be; nobody has less than {} or more than {}", limits.start(), limits.end());
        return Err(wrong(field, rule));
    }
    let given = is_other.then(|| Given { value: given, unit: other.name.to_owned() });
    Ok(Some(Measured { value, given }))
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(input: VitalsInput) -> Option<String> {
        let error = read(input).err()?;
        let body = error.body(kernel::Time::from_millis(0));
        body["error"]["details"]["field"].as_str().map(str::to_owned)
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let none = VitalsInput::default;
        for (input, wrong) in [
            (VitalsInput { heart_rate: Some(900), ..none() }, "heartRate"),
            (VitalsInput { heart_rate: Some(19), ..none() }, "heartRate"),
            (VitalsInput { systolic_bp: Some(301), diastolic_bp: Some(80), ..none() }, "systolicBp"),
            (VitalsInput { systolic_bp: Some(80), diastolic_bp: Some(120), ..none() }, "diastolicBp"),
            (VitalsInput { systolic_bp: Some(80), diastolic_bp: Some(80), ..none() }, "diastolicBp"),
            (VitalsInput { systolic_bp: Some(80), ..none() }, "diastolicBp"),
            (VitalsInput { diastolic_bp: Some(80), ..none() }, "systolicBp"),
            (VitalsInput { temperature: Some(98.6), ..none() }, "temperature"),
            (VitalsInput { temperature: Some(37.0), temperature_unit: Some("F".into()), ..none() }, "temperature"),
            (VitalsInput { temperature: Some(37.0), temperature_unit: Some("K".into()), ..none() }, "temperatureUnit"),
            (VitalsInput { weight_unit: Some("lb".into()), ..none() }, "weight"),
            (VitalsInput { respiration_rate: Some(0), ..none() }, "respirationRate"),
            (VitalsInput { oxygen_saturation: Some(100.1), ..none() }, "oxygenSaturation"),
            (VitalsInput { weight: Some(f64::INFINITY), ..none() }, "weight"),
            (VitalsInput { height: Some(1.8), ..none() }, "height"),
            (VitalsInput { notes: Some("well".into()), ..none() }, "vitals"),
            (none(), "vitals"),
        ] {
            assert_eq!(field(input).as_deref(), Some(wrong));
        }
    }

    #[test]
    fn other_units_are_converted_and_kept() {
        let read = read(VitalsInput {
            temperature: Some(98.6),
            temperature_unit: Some("F".into()),
            weight: Some(165.0),
            weight_unit: Some("lb".into()),
            height: Some(71.0),
            height_unit: Some("in".into()),
            ..VitalsInput::default()
        });
        let vitals = read.ok().unwrap();
        let parts = |measured: Option<Measured>| {
            let Measured { value, given } = measured.unwrap();
            (value, given.map(|given| (given.value, given.unit)))
        };
        assert_eq!(parts(vitals.temperature), (37.0, Some((98.6, "F".to_owned()))));
        assert_eq!(parts(vitals.weight), (74.84, Some((165.0, "lb".to_owned()))));
        assert_eq!(parts(vitals.height), (180.34, Some((71.0, "in".to_owned()))));
    }
}
