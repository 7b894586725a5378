//! Wraps data keys by Cloud KMS: [`KmsKeys`] is a [`vault::KeyWrap`] with one KMS key for each tenant.
//!
//! A call is checked end to end by checksums, has a deadline and is tried again a few times where that may help. Nothing
//! here touches the network before it is used. The README says which permissions are needed and how a key is replaced.

mod config;
mod failure;
mod keys;
mod service;

pub use config::{InvalidKeyRing, KmsConfig, Patience, TenantIdTooLong};
pub use failure::KmsError;
pub use keys::KmsKeys;
