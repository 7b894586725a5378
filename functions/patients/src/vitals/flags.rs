use model::vitals::{Measured, Vitals};
use serde::Serialize;
use utoipa::ToSchema;

use super::ranges::{ADULT_INDEX_FROM, BODY_MASS_INDEX, Band, OXYGEN_SATURATION, Range, temperature, years};

/// How a measurement compares with what is usual at the patient's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flag {
    /// Far below.
    CriticalLow,
    /// Below.
    Low,
    /// Usual.
    Normal,
    /// Above.
    High,
    /// Far above.
    CriticalHigh,
}

/// How each measurement compares with what is usual at the patient's age; absent where there is no measurement.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VitalsFlags {
    /// Which ages it is compared with: `newborn`, `infant`, `toddler`, `preschool`, `child`, `adolescent` or `adult`.
    /// `null` where the birth date is not known, and nothing is compared.
    #[schema(example = "adult")]
    age_band: Option<&'static str>,
    /// The systolic blood pressure.
    #[serde(skip_serializing_if = "Option::is_none")]
    systolic_bp: Option<Flag>,
    /// The diastolic blood pressure.
    #[serde(skip_serializing_if = "Option::is_none")]
    diastolic_bp: Option<Flag>,
    /// The pulse.
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate: Option<Flag>,
    /// The temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Flag>,
    /// The respiration.
    #[serde(skip_serializing_if = "Option::is_none")]
    respiration_rate: Option<Flag>,
    /// The oxygen saturation.
    #[serde(skip_serializing_if = "Option::is_none")]
    oxygen_saturation: Option<Flag>,
    /// The body mass index, from 18 years on.
    #[serde(skip_serializing_if = "Option::is_none")]
    bmi: Option<Flag>,
}

impl VitalsFlags {
    /// Compares measurements with what is usual at the age that the patient had then.
    pub(crate) fn of(vitals: &Vitals) -> Self {
        let Some(age) = vitals.age_in_days else { return Self::default() };
        let band = Band::of(age);
        let whole = |value: Option<u32>, range: Range| value.map(|value| flag(f64::from(value), range));
        Self {
            age_band: Some(band.name()),
            systolic_bp: whole(vitals.systolic_bp, band.systolic(years(age))),
            diastolic_bp: whole(vitals.diastolic_bp, band.diastolic()),
            heart_rate: whole(vitals.heart_rate, band.heart_rate()),
            temperature: vitals.temperature.as_ref().map(|measured| flag(measured.value, temperature(age))),
            respiration_rate: whole(vitals.respiration_rate, band.respiration_rate()),
            oxygen_saturation: vitals.oxygen_saturation.map(|percent| flag(percent, OXYGEN_SATURATION)),
            bmi: body_mass_index(vitals)
                .filter(|_| years(age) >= ADULT_INDEX_FROM)
                .map(|bmi| flag(bmi, BODY_MASS_INDEX)),
        }
    }
}

/// kg/m², to one decimal, where both were measured.
pub(super) fn body_mass_index(vitals: &Vitals) -> Option<f64> {
    let value = |measured: &Option<Measured>| measured.as_ref().map(|measured| measured.value);
    let metres = value(&vitals.height)? / 100.0;
    let index = value(&vitals.weight)? / (metres * metres);
    Some((index * 10.0).round() / 10.0)
}

fn flag(value: f64, range: Range) -> Flag {
    // Between two numbers of a whole-number table lies no gap: 37.95 is above 37.9.
    if range.critical_low.is_some_and(|limit| value <= limit) {
        Flag::CriticalLow
    } else if value < range.low {
        Flag::Low
    } else if range.critical_high.is_some_and(|limit| value >= limit) {
        Flag::CriticalHigh
    } else if value > range.high {
        Flag::High
    } else {
        Flag::Normal
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(years: f64, change: impl FnOnce(&mut Vitals)) -> serde_json::Value {
        let mut vitals = Vitals { age_in_days: Some((years * 365.25).ceil() as i32), ..Vitals::default() };
        change(&mut vitals);
        serde_json::to_value(VitalsFlags::of(&vitals)).unwrap()
    }

    fn measured(value: f64) -> Option<Measured> {
        Some(Measured { value, given: None })
    }

    #[test]
    fn the_same_pulse_means_other_things_at_other_ages() {
        let pulse = |years: f64, rate| at(years, |vitals| vitals.heart_rate = Some(rate))["heartRate"].clone();
        assert_eq!(
            (pulse(0.01, 150), pulse(4.0, 150), pulse(40.0, 150)),
            (json!("normal"), json!("high"), json!("critical-high"))
        );
        assert_eq!(
            (pulse(40.0, 72), pulse(40.0, 50), pulse(40.0, 40)),
            (json!("normal"), json!("low"), json!("critical-low"))
        );
        assert_eq!((pulse(4.0, 72), pulse(4.0, 59)), (json!("low"), json!("critical-low")));
        assert_eq!(
            (pulse(40.0, 100), pulse(40.0, 101), pulse(40.0, 131)),
            (json!("normal"), json!("high"), json!("critical-high"))
        );
    }

    #[test]
    fn a_healthy_adult_has_no_flags() {
        let flags = at(38.0, |vitals| {
            *vitals = Vitals {
                systolic_bp: Some(120),
                diastolic_bp: Some(80),
                heart_rate: Some(72),
                temperature: measured(37.5),
                respiration_rate: Some(16),
                oxygen_saturation: Some(98.5),
                weight: measured(75.5),
                height: measured(180.0),
                age_in_days: vitals.age_in_days,
                notes: None,
            };
        });
        let normal = "normal";
        assert_eq!(
            flags,
            json!({"ageBand": "adult", "systolicBp": normal, "diastolicBp": normal, "heartRate": normal,
                "temperature": normal, "respirationRate": normal, "oxygenSaturation": normal, "bmi": normal})
        );
    }

    #[test]
    fn crises_and_fevers_are_told_apart() {
        let temperature =
            |years: f64, value| at(years, |vitals| vitals.temperature = measured(value))["temperature"].clone();
        assert_eq!((temperature(40.0, 38.0), temperature(0.1, 38.0)), (json!("high"), json!("critical-high")));
        assert_eq!((temperature(40.0, 35.0), temperature(40.0, 41.0)), (json!("critical-low"), json!("critical-high")));
        let pressure =
            |years: f64, systolic| at(years, |vitals| vitals.systolic_bp = Some(systolic))["systolicBp"].clone();
        assert_eq!(
            (pressure(60.0, 140), pressure(60.0, 180), pressure(60.0, 90)),
            (json!("high"), json!("critical-high"), json!("critical-low"))
        );
        // 70 + 2 x 4 years: below 78 mmHg.
        assert_eq!(
            (pressure(4.0, 77), pressure(4.0, 78), pressure(4.0, 89)),
            (json!("critical-low"), json!("low"), json!("normal"))
        );
        let saturation = |value| at(40.0, |vitals| vitals.oxygen_saturation = Some(value))["oxygenSaturation"].clone();
        assert_eq!(
            (saturation(91.0), saturation(91.5), saturation(95.0)),
            (json!("critical-low"), json!("low"), json!("normal"))
        );
    }

    #[test]
    fn a_child_s_body_mass_index_is_no_adult_s() {
        let both = |years: f64| {
            at(years, |vitals| {
                vitals.weight = measured(20.0);
                vitals.height = measured(115.0);
            })
        };
        assert_eq!((both(6.0).get("bmi").cloned(), both(30.0)["bmi"].clone()), (None, json!("low")));
        let unknown = VitalsFlags::of(&Vitals { heart_rate: Some(900), ..Vitals::default() });
        assert_eq!(serde_json::to_value(unknown).unwrap(), json!({"ageBand": null}));
    }
}
