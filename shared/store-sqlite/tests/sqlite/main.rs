//! The suite on files and in memory, and what only this backend promises.
#![expect(clippy::unwrap_used, reason = "tests, and what they share")]

use std::path::PathBuf;

use serde_json::Value;
use store::{Database, Key, Precondition, Write};

mod conformance;
mod crash;
mod damage;
mod files;
mod groups;
mod indexes;
mod scrub;

fn database(name: &str) -> Database {
    Database { tenant: name.parse().unwrap(), project: String::new(), name: name.to_owned(), prefix: String::new() }
}

/// A folder for each test, which stays for a look after a failure and is removed by the next run. It is not made.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store-sqlite").join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

fn put(collection: &str, id: &str, fields: Value) -> Write {
    put_if(collection, id, fields, Precondition::None)
}

fn put_if(collection: &str, id: &str, fields: Value, precondition: Precondition) -> Write {
    let Value::Object(fields) = fields else { panic!("fields are an object, not {fields}") };
    Write::Put { key: Key::new(collection, id), fields, expire_at: None, precondition }
}
