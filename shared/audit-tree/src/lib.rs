//! The Merkle tree over a tenant's audit log: sealing new entries, verifying all of it, proving that one is in it.
//!
//! The README says how the parts were weighed. [`Ledger`] is all that other crates need; [`leaf`] and [`merkle`] say exactly
//! what is hashed, so that another program can check it, as `verify_proof.py` does.

mod checkpoint;
mod error;
pub mod leaf;
mod log;
pub mod merkle;
mod place;
mod proof;
mod seal;
mod tiles;
mod verify;

use std::time::Duration;

pub use checkpoint::{Checkpoint, Listed, STATEMENT_TYPE, Statement, name as checkpoint_name};
pub use error::Error;
pub use proof::Proof;
pub use seal::{Ledger, Sealing};
pub use verify::{Problem, ProblemKind, Verification, Verify};

/// How old an entry is before it is sealed: longer than a request takes from its beginning, which is the entry's time, to its
/// last commit.
pub const GRACE: Duration = Duration::from_secs(2 * 60);

/// How late after its time an entry may come and still be taken in.
pub const LATEST: Duration = Duration::from_secs(60 * 60);

/// How often late entries are looked for.
pub const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
