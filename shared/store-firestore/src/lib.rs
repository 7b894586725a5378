//! The document store's port on Firestore in native mode, one named database per tenant.
//!
//! Built on the `firestore` crate's gRPC client. Its own serde layer is left aside: it turns a nested null into an empty
//! map and refuses arrays in arrays, while the port promises that any JSON comes back as it was (see `value`).
//!
//! A transaction needs no lock: each write carries the state it expects (`exists` or `update_time`), and one `Commit`
//! does all of them or none. The README says what that costs and where Firestore's limits are.

mod backend;
mod config;
mod connection;
mod failure;
mod names;
mod query;
mod value;
mod write;

pub use backend::FirestoreBackend;
pub use config::FirestoreConfig;
pub use value::{EXPIRE_FIELD, STAMP_FIELD};

/// Firestore's wire types.
mod proto {
    pub(crate) use firestore::gcloud_sdk::google::firestore::v1::*;
    pub(crate) use firestore::gcloud_sdk::prost_types::Timestamp;
}
