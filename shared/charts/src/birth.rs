use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kernel::Time;

/// The oldest a person can be, in years.
const OLDEST: i16 = 130;

/// A birth date. Personal data: its `Debug` tells nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(Date);

/// The text given is no birth date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a birth date is YYYY-MM-DD, not in the future and not more than {OLDEST} years ago")]
pub struct InvalidBirthDate;

impl BirthDate {
    /// Reads a date that a person who lives at `now` may be born on.
    pub fn read(text: &str, now: Time) -> Result<Self, InvalidBirthDate> {
        let born: Self = text.parse()?;
        // Somewhere it is tomorrow already.
        let is_future = born.0 > date_of(now).tomorrow().unwrap_or(Date::MAX);
        if is_future || born.age(now) > OLDEST { Err(InvalidBirthDate) } else { Ok(born) }
    }

    /// The age in whole years at a moment, in UTC. Who is born on 29 February is a year older on 1 March.
    pub fn age(self, at: Time) -> i16 {
        let today = date_of(at);
        let had_birthday = (today.month(), today.day()) >= (self.0.month(), self.0.day());
        today.year() - self.0.year() - i16::from(!had_birthday)
    }

    /// The age in whole days at a moment, in UTC; negative before the birth.
    pub fn age_in_days(self, at: Time) -> i32 {
        let lived = date_of(at).duration_since(self.0).as_hours() / 24;
        i32::try_from(lived).unwrap_or(i32::MAX)
    }

    /// Whether the person is this old.
    pub fn is_of_age(self, years: u8, at: Time) -> bool {
        self.age(at) >= i16::from(years)
    }

    /// The date's text, `YYYY-MM-DD`. A named disclosure.
    pub fn disclose(self) -> String {
        self.0.to_string()
    }
}

fn date_of(at: Time) -> Date {
    let moment = Timestamp::from_millisecond(at.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned(TimeZone::UTC).date()
}

impl FromStr for BirthDate {
    type Err = InvalidBirthDate;
    fn from_str(text: &str) -> Result<Self, InvalidBirthDate> {
        if text.len() != 10 {
            return Err(InvalidBirthDate);
        }
        text.parse().map(Self).map_err(|_| InvalidBirthDate)
    }
}

impl std::fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BirthDate(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn one_is_of_age_on_the_birthday() {
        let born = BirthDate::read("2006-11-21", at("2024-01-01T00:00:00Z")).unwrap();
        assert!(!born.is_of_age(18, at("2024-11-20T23:59:59Z")));
        assert!(born.is_of_age(18, at("2024-11-21T00:00:00Z")));
        let leap = BirthDate::read("2004-02-29", at("2022-01-01T00:00:00Z")).unwrap();
        assert!(!leap.is_of_age(18, at("2022-02-28T12:00:00Z")));
        assert!(leap.is_of_age(18, at("2022-03-01T00:00:00Z")));
        assert_eq!(leap.age_in_days(at("2004-03-28T12:00:00Z")), 28);
        assert_eq!(leap.age_in_days(at("2004-02-28T12:00:00Z")), -1);
        assert_eq!(format!("{leap:?} {}", leap.disclose()), "BirthDate(..) 2004-02-29");
    }

    #[test]
    fn impossible_dates_are_refused() {
        let now = at("2024-06-15T12:00:00Z");
        for bad in ["", "1985-3-15", "1985-02-30", "15.03.1985", "2024-06-17", "1893-01-01", "1985-03-15T00:00:00Z"] {
            assert_eq!(BirthDate::read(bad, now).err(), Some(InvalidBirthDate), "{bad}");
        }
        for good in ["1985-03-15", "2024-06-15", "1894-06-16"] {
            assert!(BirthDate::read(good, now).is_ok(), "{good}");
        }
    }
}
