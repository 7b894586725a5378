//! What every test here starts from.

use std::sync::Arc;

use kernel::{OsRandom, RandomExt};
use serde_json::Value;
use store::{Database, Key, Precondition, Write};
use store_firestore::{FirestoreBackend, FirestoreConfig};

/// The emulator's `host:port`; `None`, and a line that says so, where there is none and none is required.
pub(crate) fn emulator() -> Option<String> {
    let host = std::env::var("FIRESTORE_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
    let required = std::env::var("REQUIRE_EMULATORS").is_ok_and(|value| value == "1");
    assert!(host.is_some() || !required, "REQUIRE_EMULATORS=1 but FIRESTORE_EMULATOR_HOST is not set");
    if host.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
        {
            eprintln!("skipped: FIRESTORE_EMULATOR_HOST is not set");
        }
    }
    host
}

/// A database that no other test and no earlier run uses.
pub(crate) fn database() -> Database {
    let name = format!("t-{:016x}", u64::from_le_bytes(OsRandom.bytes()));
    Database { tenant: name.parse().unwrap(), project: "consentmd-test".to_owned(), name, prefix: String::new() }
}

/// A store on the emulator.
pub(crate) fn backend() -> Option<Arc<FirestoreBackend>> {
    let config = FirestoreConfig::emulator(emulator()?);
    Some(Arc::new(FirestoreBackend::new(config, Arc::new(OsRandom))))
}

/// Writes a document whatever is there.
pub(crate) fn put(key: &Key, fields: Value) -> Write {
    let Value::Object(fields) = fields else { panic!("fields are an object, not {fields}") };
    Write::Put { key: key.clone(), fields, expire_at: None, precondition: Precondition::None }
}
