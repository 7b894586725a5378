//! Files, their rights, closing and opening again.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use store::{Backend, CommitError, Database, Error, Key, Precondition, Query, Write};
use store_sqlite::SqliteBackend;

use crate::{database, folder, put};

/// One file a database, for its owner alone, and no log left behind after closing.
#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("rights").join("deeper");
    let backend = SqliteBackend::open(folder.clone(), Vec::new());
    assert!(!folder.exists(), "nothing is made before it is used");
    for name in ["one", "two"] {
        backend.commit(&database(name), &[put("notes", "n", json!({}))]).await.unwrap();
        backend.query(&database(name), &Query::all("notes")).await.unwrap();
    }
    let mode = |name: &str| std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    for name in ["one.db", "one.db-wal", "one.db-shm", "two.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    backend.close().await;
    let mut left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["one.db", "two.db"]);
}

/// What was written is there after closing and opening; versions go on and do not begin again.
#[tokio::test]
async fn closing_and_opening_again() {
    let folder = folder("again");
    let key = Key::new("notes", "n");
    let mut versions = Vec::new();
    for round in 0..3 {
        let backend = SqliteBackend::open(folder.clone(), Vec::new());
        let found = backend.get(&database("t"), std::slice::from_ref(&key)).await.unwrap().remove(0);
        assert_eq!(found.map(|document| document.fields["round"].as_i64()), (round > 0).then_some(Some(round - 1)));
        let delete = Write::Delete { key: key.clone(), precondition: Precondition::None };
        backend.commit(&database("t"), &[delete]).await.unwrap();
        backend.commit(&database("t"), &[put("notes", "n", json!({"round": round}))]).await.unwrap();
        versions
            .push(backend.get(&database("t"), std::slice::from_ref(&key)).await.unwrap().remove(0).unwrap().version);
        backend.close().await;
    }
    assert!(versions.is_sorted_by(|earlier, later| earlier < later), "{versions:?}");
}

/// After closing, everything is refused and nothing hangs; what was asked before is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_refuses() {
    for backend in [SqliteBackend::open(folder("closed"), Vec::new()), SqliteBackend::in_memory(Vec::new())] {
        let backend = Arc::new(backend);
        let database = database("t");
        backend.check(&database).await.unwrap();
        let tries = (0..50).map(|n| {
            let (backend, database) = (Arc::clone(&backend), database.clone());
            tokio::spawn(async move { backend.commit(&database, &[put("notes", &n.to_string(), json!({}))]).await })
        });
        let tries: Vec<_> = tries.collect();
        backend.close().await;
        for answer in join_all(tries).await {
            match answer.unwrap() {
                Ok(()) | Err(CommitError::Store(Error::Unavailable(_))) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        backend.close().await;
        let error = backend.get(&database, &[Key::new("notes", "1")]).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        assert!(backend.check(&database).await.is_err());
    }
}

/// A name that could lead out of the folder is refused.
#[tokio::test]
async fn a_name_stays_in_its_folder() {
    let folder = folder("names");
    let backend = SqliteBackend::open(folder.join("inner"), Vec::new());
    for name in ["../outer", "", "..", "a/b", "/absolute"] {
        let database = Database { name: name.to_owned(), ..database("t") };
        let error = backend.check(&database).await.unwrap_err();
        assert!(matches!(error, Error::BadPath { .. }), "{name}: {error:?}");
    }
    assert!(!folder.exists());
}

/// Two programs on one file (a backup job beside the server): neither loses the other's versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file() {
    let folder = folder("shared");
    let stores = [0, 1].map(|_| Arc::new(SqliteBackend::open(folder.clone(), Vec::new())));
    for n in 0..20 {
        let id = n.to_string();
        let write = put("notes", &id, json!({"n": n}));
        stores[n % 2].commit(&database("t"), &[write]).await.unwrap();
        assert!(stores[(n + 1) % 2].get(&database("t"), &[Key::new("notes", id)]).await.unwrap()[0].is_some());
    }
    let documents = stores[0].query(&database("t"), &Query::all("notes")).await.unwrap();
    let versions: std::collections::BTreeSet<_> = documents.iter().map(|document| document.version).collect();
    assert_eq!(versions.len(), 20, "each write has a version of its own");
}
