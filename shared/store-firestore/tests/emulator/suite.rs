//! The suite that every backend has to pass.

use store::conformance::Ground;

use crate::common::{backend, database};

async fn ground(_test: &'static str) -> Option<Ground> {
    Some(Ground { backend: backend()?, database: database(), other: database() })
}

store::conformance_suite!(ground);
