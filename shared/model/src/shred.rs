//! Certificates that a person's data key was destroyed, and with it whatever was sealed under it.

use kernel::Time;
use serde::{Deserialize, Serialize};
use store::Collection;

/// What `typ` says in the header of a certificate's statement.
pub const SHRED_STATEMENT: &str = "consentmd-shred+jwt";

/// That a data key was destroyed. It is written in the same commit, is never changed, and holds no personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShredCertificate {
    /// The destroyed key's id: `patient_<id>`.
    pub key_id: String,
    /// When it was destroyed.
    pub destroyed_at: Time,
    /// Who did it, as they called themselves: a staff member's name or number.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The SHA-256 of the destroyed wrapped key, in hexadecimal digits: whoever finds a copy in a backup knows it by this.
    pub wrapped_key_sha256: String,
    /// Which key had wrapped it.
    pub wrapped_by: String,
    /// All of this and the tenant, signed by the installation: a compact JWS (ES256) of the kind [`SHRED_STATEMENT`].
    pub statement: String,
}

/// Certificates, by random id. A key has one.
pub const SHRED_CERTIFICATES: Collection<ShredCertificate> = Collection::top("shred-certificates", &[]);
