//! The document store's port: typed collections, queries, and named transactions that may run again.
//!
//! A [`Backend`] (SQLite, Firestore) moves documents; a [`Store`] is one tenant's handle on it and gives handlers types,
//! transactions, operation counts and the check that every query has its index declared. Handlers only see the second.
//!
//! How a transaction works, on every backend: reads by key note the version they saw, writes are gathered, and one
//! commit carries both; it fails where a version has changed, and then the closure runs again. There are no queries in
//! a transaction and no locks between its reads and its commit.
//!
//! To add a backend: implement [`Backend`], then stamp the `conformance` suite on it (see `store-sqlite`'s tests).

mod backend;
mod check;
mod collection;
#[cfg(feature = "conformance")]
#[expect(clippy::unwrap_used, reason = "tests, which other crates stamp")]
pub mod conformance;
mod error;
mod meter;
mod query;
mod store;
mod transaction;

pub use backend::{Backend, CommitError, Database, Document, Fields, Key, Precondition, Version, Write};
pub use collection::{Collection, Index, IndexField, Kind};
pub use error::Error;
pub use meter::{Counts, Meter};
pub use query::{Cursor, Direction, Filter, Op, Query};
pub use store::{CommitListener, Companion, Doc, MAX_DOCUMENT_BYTES, MAX_WRITES, Store, typed};
pub use transaction::Transaction;
