use std::fmt;
use std::str::FromStr;

/// An e-mail address, folded to one spelling: trimmed and in lower case. Personal data: its `Debug` tells nothing.
///
/// The check is that of a form field, not of RFC 5321: one `@`, something on both sides, a dot in the domain, no
/// blanks or control characters, at most 254 bytes. Whether the address exists shows when mail is sent to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text given is no e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address looks like name@example.com and has at most 254 characters")]
pub struct InvalidEmail;

impl Email {
    /// The address, for someone who may see it.
    pub fn disclose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let folded = text.trim().to_lowercase();
        let (local, domain) = folded.split_once('@').ok_or(InvalidEmail)?;
        let clean = |part: &str| {
            !part.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | '"'))
        };
        let domain_ok = domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty());
        let ok = !local.is_empty() && domain_ok && !domain.contains('@') && clean(&folded) && folded.len() <= 254;
        if ok { Ok(Self(folded)) } else { Err(InvalidEmail) }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        assert_eq!(" Ann.Lee@Example.COM ".parse::<Email>().unwrap().disclose(), "ann.lee@example.com");
        assert_eq!(format!("{:?}", "a@b.co".parse::<Email>().unwrap()), "Email(..)");
        for bad in [
            "",
            "ann",
            "@b.co",
            "a@",
            "a@b",
            "a@b..co",
            "a b@c.de",
            "a@b@c.de",
            "<a@b.co>",
            &format!("{}@b.co", "x".repeat(250)),
        ] {
            assert_eq!(bad.parse::<Email>(), Err(InvalidEmail), "{bad}");
        }
    }
}
