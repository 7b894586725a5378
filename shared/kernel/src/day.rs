use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Time;

/// A day of the calendar, without a time of day. As text it is `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(Date);

/// The text given is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a day of the calendar, YYYY-MM-DD")]
pub struct InvalidDay;

impl Day {
    /// The day of a moment, in UTC.
    pub fn of(moment: Time) -> Self {
        let moment = Timestamp::from_millisecond(moment.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// The day after; the calendar's last day has none and stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// When it begins, in UTC.
    pub fn begin(self) -> Time {
        let begin = self.0.to_zoned(TimeZone::UTC).map_or(0, |begin| begin.timestamp().as_millisecond());
        Time::from_millis(begin)
    }

    /// How many days it is after `earlier`; negative where it is before.
    pub fn days_since(self, earlier: Self) -> i32 {
        i32::try_from(self.0.duration_since(earlier.0).as_hours() / 24).unwrap_or(0)
    }
}

impl FromStr for Day {
    type Err = InvalidDay;
    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        // The calendar reads other forms too, which would be a second spelling of the same day.
        let is_plain = text.len() == 10 && text.bytes().all(|c| c.is_ascii_digit() || c == b'-');
        if !is_plain {
            return Err(InvalidDay);
        }
        text.parse().map(Self).map_err(|_| InvalidDay)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .into()
    }
}

impl utoipa::ToSchema for Day {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_and_follow_each_other() {
        let day: Day = "2024-02-28".parse().unwrap();
        assert_eq!(day.next().to_string(), "2024-02-29");
        assert_eq!(day.next().next().days_since(day), 2);
        assert_eq!(day.days_since(day.next()), -1);
        assert_eq!(day.begin().to_string(), "2024-02-28T00:00:00.000Z");
        assert_eq!(Day::of("2024-02-28T23:59:59.999Z".parse().unwrap()), day);
        assert_eq!("9999-12-31".parse::<Day>().unwrap().next().to_string(), "9999-12-31");
    }

    #[test]
    fn a_day_has_one_spelling() {
        for bad in ["", "2024-2-28", "20240228", "2024-02-30", "2024-02-28T00:00:00Z", " 2024-02-28", "+02024-02-28"] {
            assert_eq!(bad.parse::<Day>(), Err(InvalidDay), "{bad}");
        }
        assert_eq!(serde_json::to_value("2024-02-28".parse::<Day>().unwrap()).unwrap(), "2024-02-28");
    }
}
