use std::fmt;
use std::str::FromStr;

use kernel::TenantId;

/// The database that every project has first.
const DEFAULT: &str = "(default)";

/// A Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens, of which the first is a
/// letter and the last is no hyphen; no UUID.
///
/// The rule is that of `CreateDatabaseRequest.database_id`:
/// <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases/create>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseId(String);

/// The text given is no database id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{id}\" cannot be the name of a Firestore database: it {why}. A name is 4 to 63 lower-case letters, digits and hyphens, \
     begins with a letter and does not end in a hyphen; a tenant's database has the tenant's id as its name, so choose such an id"
)]
pub struct InvalidDatabaseId {
    /// The text.
    pub id: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl DatabaseId {
    /// The database of a tenant that has one of its own. Tenant ids may have more characters than database ids.
    pub fn of_tenant(tenant: &TenantId) -> Result<Self, InvalidDatabaseId> {
        tenant.as_str().parse()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseId {
    type Err = InvalidDatabaseId;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseId> {
        match wrong(text) {
            Some(why) => Err(InvalidDatabaseId { id: text.to_owned(), why }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn wrong(text: &str) -> Option<&'static str> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if text == DEFAULT {
        None
    } else if text.len() < 4 {
        Some("is shorter than 4 characters")
    } else if text.len() > 63 {
        Some("is longer than 63 characters")
    } else if !text.bytes().all(allowed) {
        Some("has other characters than lower-case letters, digits and hyphens")
    } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("does not begin with a letter")
    } else if text.ends_with('-') {
        Some("ends in a hyphen")
    } else if is_uuid(text) {
        Some("looks like a UUID")
    } else {
        None
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firestores_rule_is_kept() {
        for good in
            ["(default)", "north", "n0rth-clinic", "abcd", &"a".repeat(63), "a0000000-0000-0000-0000-00000000000z"]
        {
            assert_eq!(good.parse::<DatabaseId>().unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("abc", "shorter"),
            (&"a".repeat(64), "longer"),
            ("North", "lower-case"),
            ("north_clinic", "lower-case"),
            ("4north", "letter"),
            ("-north", "letter"),
            ("north-", "hyphen"),
            ("a0000000-0000-4000-8000-000000000000", "UUID"),
        ] {
            let error = bad.parse::<DatabaseId>().unwrap_err();
            assert!(error.why.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn a_tenant_whose_id_is_no_database_is_told_so() {
        let error = DatabaseId::of_tenant(&"North_Clinic".parse().unwrap()).unwrap_err().to_string();
        assert!(
            error.starts_with("\"North_Clinic\" cannot be the name of a Firestore database: it has other"),
            "{error}"
        );
        assert!(error.contains("choose such an id"), "{error}");
        assert_eq!(DatabaseId::of_tenant(&"north".parse().unwrap()).unwrap().as_str(), "north");
    }
}
