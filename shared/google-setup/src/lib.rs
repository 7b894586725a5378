//! What a Google project needs beside what Terraform makes: databases of new tenants, their keys, and the keys that sign
//! access tokens. For the operators' program alone; a function never makes anything of this. See `README.md` for the
//! permissions that each part needs and for what happens where a run ends in the middle.
//!
//! To add something that is to be made: a file that reads what is there, makes what is missing, takes "already exists"
//! for done, and says so where what is there differs; a check that only reads; the permission in [`Needs`]'s constants
//! and in the README.

mod config;
mod connection;
mod databases;
mod failure;
mod progress;
mod secrets;
mod signing_keys;
mod tenant_keys;

pub use config::{GoogleProject, Waits};
pub use databases::{
    ArrayMode, DatabaseId, DatabasePlan, Databases, FirestorePlan, IndexFieldPlan, IndexOrder, IndexPlan,
    InvalidDatabaseId, Made, Problem, TtlPlan, UnindexedPlan,
};
pub use failure::{Needs, SetupError};
pub use progress::Progress;
pub use secrets::{GoogleSecrets, InMemorySecrets, SecretText, Secrets, Version, VersionState};
pub use signing_keys::{
    KeysState, PUBLISHED_FOR, SIGNING_KEY, SigningKeySecrets, SigningKeySecretsError, UNUSED_FOR, VERIFYING_KEYS,
};
pub use tenant_keys::{Protection, TenantKeys};
