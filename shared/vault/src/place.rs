use std::fmt;

use kernel::TenantId;

/// Where a sealed field stands. It is bound to the ciphertext, which opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The collection's name, without its parent's.
    pub collection: &'a str,
    /// The document's id.
    pub id: &'a str,
    /// The field, as a path.
    pub field: &'a str,
}

impl<'a> Place<'a> {
    /// A place of its four parts.
    pub const fn new(tenant: &'a TenantId, collection: &'a str, id: &'a str, field: &'a str) -> Self {
        Self { tenant, collection, id, field }
    }

    /// The same document's other field.
    #[must_use]
    pub const fn field(self, field: &'a str) -> Self {
        Self { field, ..self }
    }

    /// The associated data.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        length_prefixed("consentmd field v1", &[self.tenant.as_str(), self.collection, self.id, self.field])
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} \"{}\"", self.collection, self.id, self.field)
    }
}

/// Several texts as one, so that no two lists of texts give the same bytes: each part after its length.
pub(crate) fn length_prefixed(domain: &str, parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    for part in std::iter::once(&domain).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_have_the_same_bytes() {
        let tenant: TenantId = "t".parse().unwrap();
        let here = Place::new(&tenant, "ab", "c", "d");
        let shifted = Place::new(&tenant, "a", "bc", "d");
        assert_ne!(here.to_bytes(), shifted.to_bytes());
        assert_ne!(here.to_bytes(), here.field("e").to_bytes());
        assert_eq!(here.to_string(), "ab/c \"d\"");
    }
}
