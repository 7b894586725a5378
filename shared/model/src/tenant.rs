//! The registry of tenants, in the registry's own database.

use kernel::{Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// A tenant: a clinic, or a group of them, with its own database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The name that people see.
    pub name: String,
    /// The cloud project of its database; empty on one machine.
    pub project: String,
    /// Its database.
    pub database: String,
    /// The prefix of its collections, where it shares that database; else empty.
    pub prefix: String,
    /// Whether anyone may sign in.
    pub active: bool,
    /// When it was made.
    pub created_at: Time,
    /// The rules that are its own.
    #[serde(default)]
    pub policy: TenantPolicy,
}

/// A tenant's own rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantPolicy {
    /// When a patient comes of age, in years: a proxy for a child ends then.
    pub age_of_majority: u8,
    /// Who is told of emergency accesses; where it names nobody, the clinic's admins are.
    pub privacy_officers: Vec<UserId>,
}

impl Default for TenantPolicy {
    fn default() -> Self {
        Self { age_of_majority: crate::patient::AGE_OF_MAJORITY, privacy_officers: Vec::new() }
    }
}

/// All tenants, by tenant id.
pub const TENANTS: Collection<Tenant> = Collection::top("tenants", &[]);
