//! What may be in a field. Functions that take `&()` are garde's; the others give the typed value.

use charts::BirthDate;
use kernel::{Day, Email, Phone, Time};
use web::ApiError;

/// Names and addresses, in characters, whatever the script.
const LONGEST_LINE: usize = 255;
/// The blood groups of the ABO and Rh systems.
const BLOOD_TYPES: [&str; 8] = ["A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-"];
/// The administrative genders of FHIR, which clinical ranges go by.
const SEXES: [&str; 4] = ["female", "male", "other", "unknown"];

/// One line that says something: at most 255 characters, no control characters.
pub(crate) fn one_line(text: &str, (): &()) -> garde::Result {
    if text.trim().is_empty() {
        return Err(garde::Error::new("blanks alone say nothing"));
    }
    if text.chars().count() > LONGEST_LINE {
        return Err(garde::Error::new(format!("at most {LONGEST_LINE} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("one line, without control characters"));
    }
    Ok(())
}

/// Text of several lines: at most 1,000 characters, no control characters but line breaks and tabs.
pub(crate) fn lines(text: &str, (): &()) -> garde::Result {
    if text.chars().count() > 1000 {
        return Err(garde::Error::new("at most 1,000 characters"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(garde::Error::new("without control characters, except line breaks"));
    }
    Ok(())
}

/// A blood group.
pub(crate) fn blood_type(text: &str, (): &()) -> garde::Result {
    let is_known = BLOOD_TYPES.contains(&text);
    is_known.then_some(()).ok_or_else(|| garde::Error::new("one of A+, A-, B+, B-, AB+, AB-, O+ and O-"))
}

/// A sex.
pub(crate) fn sex(text: &str, (): &()) -> garde::Result {
    let is_known = SEXES.contains(&text);
    is_known.then_some(()).ok_or_else(|| garde::Error::new("one of female, male, other and unknown"))
}

/// An e-mail address, folded.
pub(crate) fn email(text: &str) -> Result<String, ApiError> {
    let address: Result<Email, _> = text.parse();
    address.map(|address| address.disclose().to_owned()).map_err(|error| wrong("email", error))
}

/// A telephone number, in the international form. Seed documents write `+0987654321`, a number that no country has; it
/// is refused.
pub(crate) fn phone(field: &str, text: &str) -> Result<String, ApiError> {
    let number: Result<Phone, _> = text.parse();
    number.map(|number| number.disclose().to_owned()).map_err(|error| wrong(field, error))
}

/// A birth date.
pub(crate) fn birth_date(text: &str, now: Time) -> Result<BirthDate, ApiError> {
    BirthDate::read(text, now).map_err(|error| wrong("dateOfBirth", error))
}

/// A day that has begun somewhere and on which the patient was born already.
pub(crate) fn past_day(field: &str, day: Option<Day>, born: Option<BirthDate>, now: Time) -> Result<(), ApiError> {
    let Some(day) = day else { return Ok(()) };
    if day > Day::of(now).next() {
        return Err(wrong(field, "not in the future"));
    }
    not_before_birth(field, Some(day), born)
}

/// A day on which the patient was born already.
pub(crate) fn not_before_birth(field: &str, day: Option<Day>, born: Option<BirthDate>) -> Result<(), ApiError> {
    let is_before = |day: Day, born: BirthDate| born.age_in_days(day.begin()) < 0;
    match (day, born) {
        (Some(day), Some(born)) if is_before(day, born) => Err(wrong(field, "not before the patient was born")),
        _ => Ok(()),
    }
}

/// Two days in their order.
pub(crate) fn in_order(field: &str, first: Option<Day>, last: Option<Day>) -> Result<(), ApiError> {
    match (first, last) {
        (Some(first), Some(last)) if last < first => Err(wrong(field, "not before the first day")),
        _ => Ok(()),
    }
}

/// A text without the blanks around it; `None` where nothing is left.
pub(crate) fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What is wrong with a field.
pub(crate) fn wrong(field: &str, rule: impl std::fmt::Display) -> ApiError {
    ApiError::field(field, format!("{field}: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_something_and_nothing_odd() {
        for good in ["Ann", "Dr. Søren O'Neil-Müller", "विक्रम सिंह", &"x".repeat(255)] {
            assert!(one_line(good, &()).is_ok(), "{good}");
        }
        for bad in ["", " \u{3000}", "a\nb", "a\u{0}", &"x".repeat(256)] {
            assert!(one_line(bad, &()).is_err(), "{bad:?}");
        }
        assert!(lines("a\nb\tc", &()).is_ok() && lines("a\u{7}", &()).is_err());
        assert!(lines(&"x".repeat(1001), &()).is_err());
    }

    #[test]
    fn days_lie_in_the_life_so_far() {
        let now: Time = "2024-06-15T12:00:00Z".parse().unwrap();
        let born = Some(BirthDate::read("1985-03-15", now).unwrap());
        let check = |day: &str| past_day("since", Some(day.parse().unwrap()), born, now).is_ok();
        assert!(check("1985-03-15") && check("2024-06-15") && check("2024-06-16"));
        assert!(!check("1985-03-14") && !check("2024-06-17"));
        let day = |text: &str| Some(text.parse::<Day>().unwrap());
        assert!(in_order("endDate", day("2024-01-02"), day("2024-01-01")).is_err());
        assert!(in_order("endDate", day("2024-01-01"), day("2024-01-01")).is_ok());
    }

    #[test]
    fn closed_lists_are_closed() {
        assert!(blood_type("AB-", &()).is_ok() && blood_type("0+", &()).is_err());
        assert!(sex("female", &()).is_ok() && sex("F", &()).is_err());
        assert!(phone("phoneNumber", "+1234567890").is_ok() && phone("phoneNumber", "+0987654321").is_err());
    }
}
