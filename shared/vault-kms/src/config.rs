use std::time::Duration;

use kernel::TenantId;

/// What a tenant's key is called, before the tenant's id.
const KEY_PREFIX: &str = "tenant-";
/// The longest name of a key that Cloud KMS takes, in characters.
const LONGEST_KEY_NAME: usize = 63;

/// The text is no key ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key ring is projects/PROJECT/locations/LOCATION/keyRings/NAME, not \"{0}\"")]
pub struct InvalidKeyRing(pub String);

/// Cloud KMS takes no key with such a long name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of tenant {0} is too long for a key of Cloud KMS: use at most 56 characters")]
pub struct TenantIdTooLong(pub TenantId);

/// How long and how often a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often at most; once at least.
    pub attempts: u32,
    /// How long one attempt may take, the access token's included.
    pub attempt: Duration,
    /// How long all of them may take together, with the waits between them.
    pub whole: Duration,
}

impl Default for Patience {
    /// 4 attempts of 3 s, 8 s in all. KMS answers in a tenth of a second.
    fn default() -> Self {
        Self { attempts: 4, attempt: Duration::from_secs(3), whole: Duration::from_secs(8) }
    }
}

/// Which keys are used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsConfig {
    key_ring: String,
    endpoint: Option<String>,
    patience: Patience,
}

impl KmsConfig {
    /// The keys of a key ring (`projects/P/locations/L/keyRings/R`) at Google's service with the Application Default
    /// Credentials; or at `endpoint` (`http://127.0.0.1:9011`) without credentials, for tests.
    pub fn new(key_ring: impl Into<String>, endpoint: Option<String>) -> Result<Self, InvalidKeyRing> {
        let key_ring = key_ring.into();
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
        let parts: Vec<&str> = key_ring.split('/').collect();
        match parts[..] {
            ["projects", project, "locations", location, "keyRings", ring]
                if [project, location, ring].into_iter().all(is_name) =>
            {
                Ok(Self { key_ring, endpoint, patience: Patience::default() })
            }
            _ => Err(InvalidKeyRing(key_ring)),
        }
    }

    /// Other deadlines.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The key ring's full name.
    pub fn key_ring(&self) -> &str {
        &self.key_ring
    }

    /// The name of a tenant's key in the key ring: `tenant-<tenant id>`.
    pub fn key_name(tenant: &TenantId) -> Result<String, TenantIdTooLong> {
        let name = format!("{KEY_PREFIX}{tenant}");
        if name.len() > LONGEST_KEY_NAME { Err(TenantIdTooLong(tenant.clone())) } else { Ok(name) }
    }

    /// A key's full name.
    pub fn full_name(&self, key_name: &str) -> String {
        format!("{}/cryptoKeys/{key_name}", self.key_ring)
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    pub(crate) const fn patience(&self) -> Patience {
        self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_own_key() {
        let config = KmsConfig::new("projects/p/locations/us/keyRings/r", None).unwrap();
        let name = KmsConfig::key_name(&"registry".parse().unwrap()).unwrap();
        assert_eq!(config.full_name(&name), "projects/p/locations/us/keyRings/r/cryptoKeys/tenant-registry");
        assert!(KmsConfig::key_name(&"x".repeat(56).parse().unwrap()).is_ok());
        assert!(KmsConfig::key_name(&"x".repeat(57).parse().unwrap()).is_err());
    }

    #[test]
    fn what_is_no_key_ring_is_refused() {
        for bad in [
            "",
            "r",
            "projects/p/locations/us/keyRings/",
            "projects/p/locations/us/keyRings/r/cryptoKeys/k",
            "projects/p/locations/us/keyrings/r",
            "projects/p/locations/us/keyRings/r ",
        ] {
            assert_eq!(KmsConfig::new(bad, None), Err(InvalidKeyRing(bad.to_owned())));
        }
    }
}
