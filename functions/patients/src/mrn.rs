use kernel::{Random, RandomExt};
use vault::BlindIndex;
use web::ApiError;

use crate::rules::wrong;

/// What generated numbers are made of: no letter or digit that looks like another.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How long the generated part is: 30^8 numbers, over 650 thousand million.
const GENERATED: usize = 8;

/// A medical record number. Personal data: its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mrn(String);

impl Mrn {
    /// Reads a number that somebody gives.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        let text = text.trim();
        let is_plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        let has_something = text.bytes().any(|c| c.is_ascii_alphanumeric());
        if is_plain && has_something && (3..=50).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(wrong("mrn", "3 to 50 letters, digits, - and _"))
    }

    /// One that was read or made before.
    pub(crate) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// Makes a new one, such as `MRN-7K3M9QXA`.
    pub(crate) fn generate(random: &dyn Random) -> Self {
        let mut text = "MRN-".to_owned();
        let letter = || ALPHABET[random.below(u32::try_from(ALPHABET.len()).unwrap_or(0)) as usize];
        text.extend(std::iter::repeat_with(letter).take(GENERATED).map(char::from));
        Self(text)
    }

    /// What makes it unique: upper and lower case are the same number.
    pub(crate) fn index(&self, blind: &BlindIndex) -> String {
        charts::mrn_index(blind, &self.0)
    }

    /// The number's text. A named disclosure.
    pub(crate) fn disclose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Mrn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mrn(..)")
    }
}

#[cfg(test)]
mod tests {
    use kernel::OsRandom;

    use super::*;

    #[test]
    fn numbers_fit_a_path_and_a_label() {
        for good in ["MRN-001234", " 123 ", "a_b", &"9".repeat(50)] {
            assert!(Mrn::read(good).is_ok(), "{good}");
        }
        for bad in ["", "12", "---", "1/2", "12 34", "MRN.1", "é12", &"9".repeat(51)] {
            assert!(Mrn::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn generated_numbers_can_be_read_aloud() {
        let one = Mrn::generate(&OsRandom);
        assert_eq!(Mrn::read(one.disclose()).unwrap(), one);
        let made = one.disclose().strip_prefix("MRN-").unwrap();
        assert_eq!(made.len(), 8);
        assert!(made.bytes().all(|c| ALPHABET.contains(&c)) && !made.contains(['0', 'O', '1', 'I', 'L', 'U']));
        assert_ne!(Mrn::generate(&OsRandom), Mrn::generate(&OsRandom));
        assert_eq!(format!("{one:?}"), "Mrn(..)");
    }
}
