use std::fmt;
use std::str::FromStr;

use kernel::TenantId;
use serde::{Deserialize, Deserializer, Serialize};

/// A blob's name: segments of letters, digits, `.`, `_` and `-`, joined by `/`. No segment is empty or starts with a
/// dot, so that a name leads nowhere else, on a disk or in a URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct BlobName(String);

/// The longest name, in bytes.
const LONGEST: usize = 400;

/// The text given is no blob's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a blob's name has at most {LONGEST} letters, digits, '.', '_', '-' and '/', and no part that is empty or starts with '.'"
)]
pub struct InvalidBlobName;

impl BlobName {
    /// The name of a tenant's blob: `<tenant>/<part>/<part>..`.
    pub fn in_tenant(tenant: &TenantId, parts: &[&str]) -> Result<Self, InvalidBlobName> {
        // A part with a slash in it would be two parts, which nobody meant.
        if parts.is_empty() || parts.iter().any(|part| part.contains('/')) {
            return Err(InvalidBlobName);
        }
        format!("{tenant}/{}", parts.join("/")).parse()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a blob of that tenant.
    pub fn belongs_to(&self, tenant: &TenantId) -> bool {
        self.0.strip_prefix(tenant.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

fn check(text: &str) -> Result<(), InvalidBlobName> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let good = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed);
    if text.len() <= LONGEST && text.split('/').all(good) { Ok(()) } else { Err(InvalidBlobName) }
}

impl FromStr for BlobName {
    type Err = InvalidBlobName;
    fn from_str(text: &str) -> Result<Self, InvalidBlobName> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for BlobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["a", "clinic/chats/4b0c/scan_1.pdf", "a-b.c/D", &"x".repeat(400)] {
            assert_eq!(good.parse::<BlobName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/.hidden",
            "a/./b",
            "..a",
            "a\\b",
            "a b",
            "a\0",
            "a\n",
            "é",
            "a?b",
            "a#b",
            "a%2e",
            "C:",
            &"x".repeat(401),
        ] {
            assert_eq!(bad.parse::<BlobName>(), Err(InvalidBlobName), "{bad:?}");
            assert!(serde_json::from_value::<BlobName>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tenants_names_stay_with_it() {
        let (clinic, clinic2): (TenantId, TenantId) = ("clinic".parse().unwrap(), "clinic2".parse().unwrap());
        let name = BlobName::in_tenant(&clinic2, &["files", "f1"]).unwrap();
        assert_eq!(name.as_str(), "clinic2/files/f1");
        assert!(name.belongs_to(&clinic2) && !name.belongs_to(&clinic));
        for parts in [&[][..], &[""], &[".."], &["a/b"], &["a", "../b"]] {
            assert_eq!(BlobName::in_tenant(&clinic, parts), Err(InvalidBlobName), "{parts:?}");
        }
    }
}
