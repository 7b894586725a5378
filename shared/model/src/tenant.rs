//! The registry of tenants, in the registry's own database.

use kernel::Time;
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
}

/// All tenants, by tenant id.
pub const TENANTS: Collection<Tenant> = Collection::top("tenants", &[]);
