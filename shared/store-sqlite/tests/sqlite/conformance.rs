//! The suite that every backend passes: on files and in memory, with the suite's indexes declared and without.

use std::sync::Arc;

use store::conformance::{Ground, indexes};
use store_sqlite::{Declared, SqliteBackend};

use crate::{database, folder};

fn declared() -> Vec<Declared> {
    indexes().into_iter().map(Declared::from).collect()
}

fn ground(backend: SqliteBackend) -> Ground {
    Ground { backend: Arc::new(backend), database: database("one"), other: database("two") }
}

mod memory {
    use super::*;
    store::conformance_suite!(in_memory);

    async fn in_memory(_: &str) -> Ground {
        ground(SqliteBackend::in_memory(declared()))
    }
}

mod memory_without_indexes {
    use super::*;
    store::conformance_suite!(in_memory);

    async fn in_memory(_: &str) -> Ground {
        ground(SqliteBackend::in_memory(Vec::new()))
    }
}

mod files {
    use super::*;
    store::conformance_suite!(in_a_folder);

    async fn in_a_folder(test: &str) -> Ground {
        ground(SqliteBackend::open(folder(test), declared()))
    }
}
