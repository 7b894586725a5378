use std::fmt;
use std::str::FromStr;

/// A telephone number in the form of E.164: `+` and 7 to 15 digits. Personal data: its `Debug` tells nothing.
///
/// Blanks, hyphens, dots and brackets that people write between digits are left out. Whether the number exists shows
/// when it is called.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// The text given is no telephone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a telephone number has + and 7 to 15 digits with the country code first, such as +15550142877")]
pub struct InvalidPhone;

impl Phone {
    /// The number, for someone who may see it.
    pub fn disclose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = InvalidPhone;
    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        let written = text.trim().strip_prefix('+').ok_or(InvalidPhone)?;
        let digits: String = written.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let ok =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit()) && !digits.starts_with('0');
        if ok { Ok(Self(format!("+{digits}"))) } else { Err(InvalidPhone) }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_spelling() {
        assert_eq!(" +1 (555) 014-2877 ".parse::<Phone>().unwrap().disclose(), "+15550142877");
        assert_eq!(format!("{:?}", "+15550142877".parse::<Phone>().unwrap()), "Phone(..)");
        for bad in
            ["", "+", "5550142877", "+123456", "+1234567890123456", "+0123456789", "+1555o142877", "++15550142877"]
        {
            assert_eq!(bad.parse::<Phone>(), Err(InvalidPhone), "{bad}");
        }
    }
}
