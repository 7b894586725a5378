//! The suite that every backend passes: on files and in memory, with the suite's indexes declared and without.

use std::path::Path;
use std::sync::Arc;

use store::Database;
use store::conformance::{Ground, indexes};
use store_sqlite::{Declared, SqliteBackend};

pub(crate) fn database(name: &str) -> Database {
    Database { tenant: name.parse().unwrap(), project: String::new(), name: name.to_owned(), prefix: String::new() }
}

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

    /// A folder for each test, which stays for a look after a failure and is emptied by the next run.
    async fn in_a_folder(test: &str) -> Ground {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-sqlite").join(test);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        ground(SqliteBackend::open(folder, declared()))
    }
}
