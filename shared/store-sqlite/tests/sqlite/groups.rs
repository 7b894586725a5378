//! Commits that become durable together are each as if alone.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use store::{Backend, CommitError, Error, Key, Precondition, Query, Version, Write};
use store_sqlite::SqliteBackend;

use crate::{database, folder, put, put_if};

/// Conflicting, failing and good commits at once: each good one is there as a whole, no other left a trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_undoes_its_own_commit_only() {
    for backend in [SqliteBackend::open(folder("groups"), Vec::new()), SqliteBackend::in_memory(Vec::new())] {
        let backend = Arc::new(backend);
        let tries = (0..200_u32).map(|n| {
            let backend = Arc::clone(&backend);
            tokio::spawn(async move {
                let id = format!("{n:03}");
                let writes = match n % 4 {
                    // The condition fails, and the table of the first write is new.
                    0 => vec![
                        put(&format!("notes/{n}/unmade"), &id, json!({"n": n})),
                        put_if("notes", "none", json!({}), Precondition::At(Version(1))),
                    ],
                    1 => vec![
                        put("notes", &id, json!({"n": n})),
                        put_if("taken", "one", json!({"by": n}), Precondition::Absent),
                    ],
                    _ => {
                        vec![put("notes", &id, json!({"n": n})), put(&format!("notes/{n}/parts"), &id, json!({"n": n}))]
                    }
                };
                (n, backend.commit(&database("t"), &writes).await)
            })
        });
        let mut done = Vec::new();
        for answer in join_all(tries).await {
            match answer.unwrap() {
                (n, Ok(())) => done.push(format!("{n:03}")),
                (_, Err(CommitError::Conflict { key: Some(_) })) => {}
                (n, Err(other)) => panic!("{n}: {other:?}"),
            }
        }
        assert_eq!(done.len(), 100 + 1, "half of them, and one that took the name");
        let there = backend.query(&database("t"), &Query::all("notes")).await.unwrap();
        assert_eq!(there.into_iter().map(|document| document.key.id).collect::<Vec<_>>(), done);
        let part = Key::new("notes/2/parts", "002");
        let unmade = Key::new("notes/0/unmade", "000");
        let found = backend.get(&database("t"), &[part, unmade]).await.unwrap();
        assert!(found[0].is_some() && found[1].is_none());
    }
}

/// A commit that SQLite itself refuses half way leaves nothing of its first half, and the others stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_undoes_its_own_commit_only() {
    let folder = folder("groups-failure");
    let backend = Arc::new(SqliteBackend::open(folder.clone(), Vec::new()));
    backend.commit(&database("t"), &[put("notes", "first", json!({}))]).await.unwrap();
    let raw = rusqlite::Connection::open(folder.join("t.db")).unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON notes WHEN new.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END";
    raw.execute_batch(refuse).unwrap();

    let tries = (0..40_u32).map(|n| {
        let backend = Arc::clone(&backend);
        let last = if n.is_multiple_of(2) { "bad".to_owned() } else { format!("{n}-last") };
        let writes = [
            put(&format!("notes/{n}/parts"), "p", json!({})),
            put("notes", &n.to_string(), json!({})),
            put("notes", &last, json!({})),
        ];
        tokio::spawn(async move { (n, backend.commit(&database("t"), &writes).await) })
    });
    for answer in join_all(tries).await {
        let (n, answer) = answer.unwrap();
        let keys = [Key::new(format!("notes/{n}/parts"), "p"), Key::new("notes", n.to_string())];
        let there = backend.get(&database("t"), &keys).await.unwrap().iter().flatten().count();
        match answer {
            Ok(()) => assert_eq!((n % 2, there), (1, 2)),
            Err(CommitError::Store(Error::Refused(_))) => assert_eq!((n % 2, there), (0, 0)),
            Err(other) => panic!("{n}: {other:?}"),
        }
    }
}

/// A caller that goes away before the answer does not stop the others, nor its own commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_go_away() {
    let backend = Arc::new(SqliteBackend::in_memory(Vec::new()));
    for n in 0..50 {
        let (backend, id) = (Arc::clone(&backend), n.to_string());
        let task = tokio::spawn(async move { backend.commit(&database("t"), &[put("notes", &id, json!({}))]).await });
        task.abort();
    }
    backend.commit(&database("t"), &[put("notes", "last", json!({}))]).await.unwrap();
    assert!(backend.get(&database("t"), &[Key::new("notes", "last")]).await.unwrap()[0].is_some());
}

/// One purge removes a bounded number, over all collections, and the next goes on.
#[tokio::test]
async fn a_purge_is_bounded() {
    let backend = SqliteBackend::in_memory(Vec::new());
    let expired = |collection: &str, n: usize| Write::Put {
        key: Key::new(collection, n.to_string()),
        fields: store::Fields::new(),
        expire_at: Some(kernel::Time::from_millis(1_000)),
        precondition: Precondition::None,
    };
    for collection in ["codes", "chats/c1/drafts"] {
        let writes: Vec<Write> = (0..350).map(|n| expired(collection, n)).collect();
        backend.commit(&database("t"), &writes).await.unwrap();
    }
    let purge = async |at: i64| {
        let now = kernel::Time::from_millis(at);
        backend.purge_expired(&database("t"), now).await.unwrap()
    };
    assert_eq!(purge(1_000).await, 0, "not before its time");
    assert_eq!([purge(1_001).await, purge(1_001).await, purge(1_001).await], [500, 200, 0]);
}

/// A commit with one write too many, or a document too large, fails alone and says what it was.
#[tokio::test]
async fn limits_are_named() {
    let backend = SqliteBackend::in_memory(Vec::new());
    let large = put("notes", "large", json!({"text": "x".repeat(1 << 20)}));
    let error = backend.commit(&database("t"), &[large]).await.unwrap_err();
    let CommitError::Store(Error::TooLarge { what }) = error else { panic!("{error:?}") };
    assert_eq!(what, "document notes/large of 1048587 bytes");
}
