//! What is usual at which age.
//!
//! Children: the ranges of pulse (awake), respiration and blood pressure, and the limits of hypotension (60 mmHg in
//! newborns, 70 in infants, 70 + 2 × age in years from one to ten, 90 above), are those of the American Heart Association's
//! *Pediatric Advanced Life Support Provider Manual*, 2020. A pulse below 60 with poor perfusion is its threshold for
//! compressions; 220 in infants and 180 in children are its thresholds of supraventricular tachycardia; above 60 breaths
//! in a minute is its warning sign at any age. Its school ages and preadolescents are divided at twelve here.
//!
//! From 16 years on: critical is what scores 3 alone in the Royal College of Physicians' *National Early Warning Score
//! (NEWS) 2*, 2017, except a high blood pressure, which is critical from the crisis (180/120) of the 2017 ACC/AHA
//! guideline. High blood pressure begins at 140/90 (2018 ESC/ESH guideline); a low diastolic one lies below 60; pulse 60
//! to 100, respiration 12 to 20.
//!
//! A fever of 38.0 °C below 90 days of age is critical (American Academy of Pediatrics, *Evaluation and Management of
//! Well-Appearing Febrile Infants*, 2021). The body mass index of adults goes by the classes of the World Health
//! Organization; of children it needs growth charts and is not flagged.

/// An age as the ranges go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Band {
    /// Below 28 days.
    Newborn,
    /// Below one year.
    Infant,
    /// One and two years.
    Toddler,
    /// Three to five.
    Preschool,
    /// Six to eleven.
    Child,
    /// Twelve to fifteen.
    Adolescent,
    /// From 16.
    Adult,
}

/// The limits of a measurement: usual is from `low` to `high`, both included; critical is at and beyond the outer two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) critical_low: Option<f64>,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) critical_high: Option<f64>,
}

const fn range(critical_low: Option<f64>, low: f64, high: f64, critical_high: Option<f64>) -> Range {
    Range { critical_low, low, high, critical_high }
}

/// The days of a year of the calendar, in the mean.
const YEAR: f64 = 365.25;

impl Band {
    /// The band of an age in days.
    pub(super) fn of(age_in_days: i32) -> Self {
        let years = f64::from(age_in_days) / YEAR;
        match years {
            _ if age_in_days < 28 => Self::Newborn,
            years if years < 1.0 => Self::Infant,
            years if years < 3.0 => Self::Toddler,
            years if years < 6.0 => Self::Preschool,
            years if years < 12.0 => Self::Child,
            years if years < 16.0 => Self::Adolescent,
            _ => Self::Adult,
        }
    }

    /// The band's name in the API.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Newborn => "newborn",
            Self::Infant => "infant",
            Self::Toddler => "toddler",
            Self::Preschool => "preschool",
            Self::Child => "child",
            Self::Adolescent => "adolescent",
            Self::Adult => "adult",
        }
    }

    /// Beats in a minute.
    pub(super) const fn heart_rate(self) -> Range {
        match self {
            Self::Newborn => range(Some(59.0), 100.0, 205.0, Some(220.0)),
            Self::Infant => range(Some(59.0), 100.0, 180.0, Some(220.0)),
            Self::Toddler => range(Some(59.0), 98.0, 140.0, Some(180.0)),
            Self::Preschool => range(Some(59.0), 80.0, 120.0, Some(180.0)),
            Self::Child => range(Some(59.0), 75.0, 118.0, Some(180.0)),
            Self::Adolescent => range(Some(40.0), 60.0, 100.0, Some(180.0)),
            Self::Adult => range(Some(40.0), 60.0, 100.0, Some(131.0)),
        }
    }

    /// Breaths in a minute.
    pub(super) const fn respiration_rate(self) -> Range {
        match self {
            Self::Newborn => range(Some(10.0), 30.0, 60.0, Some(61.0)),
            Self::Infant => range(Some(10.0), 30.0, 53.0, Some(61.0)),
            Self::Toddler => range(Some(10.0), 22.0, 37.0, Some(61.0)),
            Self::Preschool => range(Some(10.0), 20.0, 28.0, Some(61.0)),
            Self::Child => range(Some(10.0), 18.0, 25.0, Some(61.0)),
            Self::Adolescent => range(Some(8.0), 12.0, 20.0, Some(61.0)),
            Self::Adult => range(Some(8.0), 12.0, 20.0, Some(25.0)),
        }
    }

    /// mmHg, at an age in years.
    pub(super) fn systolic(self, years: f64) -> Range {
        let hypotension = 70.0 + 2.0 * years.floor().clamp(1.0, 10.0) - 1.0;
        match self {
            Self::Newborn => range(Some(59.0), 60.0, 84.0, None),
            Self::Infant => range(Some(69.0), 72.0, 104.0, None),
            Self::Toddler => range(Some(hypotension), 86.0, 106.0, None),
            Self::Preschool => range(Some(hypotension), 89.0, 112.0, None),
            Self::Child => range(Some(hypotension), 97.0, 120.0, None),
            Self::Adolescent => range(Some(89.0), 102.0, 131.0, Some(180.0)),
            // NEWS 2 scores 3 at 90 and below.
            Self::Adult => range(Some(90.0), 91.0, 139.0, Some(180.0)),
        }
    }

    /// mmHg.
    pub(super) const fn diastolic(self) -> Range {
        match self {
            Self::Newborn => range(None, 35.0, 53.0, None),
            Self::Infant => range(None, 37.0, 56.0, None),
            Self::Toddler => range(None, 42.0, 63.0, None),
            Self::Preschool => range(None, 46.0, 72.0, None),
            Self::Child => range(None, 57.0, 80.0, None),
            Self::Adolescent => range(None, 61.0, 83.0, Some(120.0)),
            Self::Adult => range(None, 60.0, 89.0, Some(120.0)),
        }
    }
}

/// °C, at an age in days. Fever begins at 38.0; NEWS 2 scores 3 at 35.0 and below; 41.0 and more is hyperpyrexia.
pub(super) const fn temperature(age_in_days: i32) -> Range {
    let critical_high = if age_in_days < 90 { 38.0 } else { 41.0 };
    range(Some(35.0), 36.1, 37.9, Some(critical_high))
}

/// Percent. NEWS 2 scores 3 at 91 and below; 95 and more is usual.
pub(super) const OXYGEN_SATURATION: Range = range(Some(91.0), 95.0, 100.0, None);

/// kg/m², from 18 years on: underweight below 18.5, overweight from 25.
pub(super) const BODY_MASS_INDEX: Range = range(None, 18.5, 24.9, None);

/// From when on the body mass index is flagged, in years.
pub(super) const ADULT_INDEX_FROM: f64 = 18.0;

/// An age in years.
pub(super) fn years(age_in_days: i32) -> f64 {
    f64::from(age_in_days) / YEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Band; 7] =
        [Band::Newborn, Band::Infant, Band::Toddler, Band::Preschool, Band::Child, Band::Adolescent, Band::Adult];

    #[test]
    fn bands_follow_each_other() {
        let days = |years: f64| (years * YEAR).ceil() as i32;
        let ages = [0, 28, days(1.0), days(3.0), days(6.0), days(12.0), days(16.0)];
        assert_eq!(ages.map(Band::of), ALL);
        assert_eq!(ages.map(|age| Band::of(age - 1))[1..], ALL[..6]);
    }

    #[test]
    fn limits_lie_in_their_order() {
        for band in ALL {
            let all = [band.heart_rate(), band.respiration_rate(), band.systolic(2.0), band.diastolic()];
            for range in all {
                assert!(range.low < range.high, "{band:?}");
                assert!(range.critical_low.is_none_or(|critical| critical < range.low), "{band:?} {range:?}");
                assert!(range.critical_high.is_none_or(|critical| range.high < critical), "{band:?} {range:?}");
            }
        }
        for years in 0..=15 {
            let band = Band::of(days_of(years));
            let range = band.systolic(f64::from(years));
            assert!(range.critical_low.is_none_or(|critical| critical < range.low), "{years}: {range:?}");
        }
    }

    fn days_of(years: i32) -> i32 {
        (f64::from(years) * YEAR).ceil() as i32
    }
}
