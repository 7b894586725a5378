//! What happens where Firestore does not answer, and where its own rules show.

use std::sync::Arc;
use std::time::Duration;

use kernel::OsRandom;
use serde_json::json;
use store::{Backend, CommitError, Database, Direction, Error, Key, Op, Precondition, Query, Version, Write};
use store_firestore::{FirestoreBackend, FirestoreConfig};
use tokio::net::TcpListener;

use crate::common::{backend, database, emulator, put};
use crate::proxy::Proxy;

const SOON: Duration = Duration::from_secs(20);

fn impatient(host: String) -> FirestoreBackend {
    let config = FirestoreConfig {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_millis(100),
        commit_timeout: Duration::from_millis(100),
        read_attempts: 2,
        ..FirestoreConfig::emulator(host)
    };
    FirestoreBackend::new(config, Arc::new(OsRandom))
}

async fn assert_unavailable(backend: &FirestoreBackend, database: &Database) {
    let key = Key::new("notes", "n");
    let is_unavailable = |error: &Error| matches!(error, Error::Unavailable(_)) && error.is_retryable();
    let asked = async {
        let error = backend.get(database, std::slice::from_ref(&key)).await.unwrap_err();
        assert!(is_unavailable(&error), "{error:?}");
        let error = backend.query(database, &Query::all("notes")).await.unwrap_err();
        assert!(is_unavailable(&error), "{error:?}");
        let error = backend.count(database, &Query::all("notes")).await.unwrap_err();
        assert!(is_unavailable(&error), "{error:?}");
        let error = backend.commit(database, &[put(&key, json!({}))]).await.unwrap_err();
        assert!(matches!(&error, CommitError::Store(error) if is_unavailable(error)), "{error:?}");
        let error = backend.check(database).await.unwrap_err();
        assert!(is_unavailable(&error), "{error:?}");
    };
    tokio::time::timeout(SOON, asked).await.expect("every call has a deadline");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_unavailable(&impatient(host), &database()).await;
}

#[tokio::test]
async fn a_store_that_stops_answering_is_unavailable() {
    let Some(host) = emulator() else { return };
    let proxy = Proxy::before(host).await;
    let (backend, database) = (impatient(proxy.host.clone()), database());
    proxy.stay_silent();
    assert_unavailable(&backend, &database).await;
    assert_eq!(proxy.connections(), 1, "it was asked over a good connection");
}

#[tokio::test]
async fn a_broken_connection_is_made_anew_and_a_read_asks_again() {
    let Some(host) = emulator() else { return };
    let proxy = Proxy::before(host).await;
    let backend = FirestoreBackend::new(FirestoreConfig::emulator(proxy.host.clone()), Arc::new(OsRandom));
    let (database, key) = (database(), Key::new("notes", "n"));
    backend.commit(&database, &[put(&key, json!({"n": 1}))]).await.unwrap();
    for cut in [Proxy::cut_next_request, Proxy::cut_next_answer] {
        let before = proxy.connections();
        cut(&proxy);
        let found = backend.get(&database, std::slice::from_ref(&key)).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap().fields["n"], 1);
        cut(&proxy);
        assert_eq!(backend.query(&database, &Query::all("notes")).await.unwrap().len(), 1);
        assert_eq!(proxy.connections(), before + 2);
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_seen_to_have_happened() {
    let Some(host) = emulator() else { return };
    let proxy = Proxy::before(host).await;
    let backend = FirestoreBackend::new(FirestoreConfig::emulator(proxy.host.clone()), Arc::new(OsRandom));
    let (database, key) = (database(), Key::new("notes", "n"));
    backend.check(&database).await.unwrap();

    proxy.cut_next_answer();
    let create = Write::Put {
        key: key.clone(),
        fields: serde_json::Map::new(),
        expire_at: None,
        precondition: Precondition::Absent,
    };
    backend.commit(&database, std::slice::from_ref(&create)).await.unwrap();
    assert_eq!(proxy.connections(), 2);

    // Nothing tells afterwards who removed a document: that stays open, and is neither success nor conflict.
    proxy.cut_next_answer();
    let delete = Write::Delete { key: key.clone(), precondition: Precondition::None };
    let error = backend.commit(&database, &[delete]).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(Error::Unavailable(_))), "{error:?}");
}

#[tokio::test]
async fn a_commit_that_got_lost_is_not_taken_for_done() {
    let Some(host) = emulator() else { return };
    let proxy = Proxy::before(host).await;
    let backend = FirestoreBackend::new(FirestoreConfig::emulator(proxy.host.clone()), Arc::new(OsRandom));
    let (database, key) = (database(), Key::new("notes", "n"));
    backend.commit(&database, &[put(&key, json!({"n": 1}))]).await.unwrap();

    proxy.cut_next_request();
    let error = backend.commit(&database, &[put(&key, json!({"n": 2}))]).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(Error::Unavailable(_))), "{error:?}");
    assert_eq!(backend.get(&database, &[key]).await.unwrap()[0].as_ref().unwrap().fields["n"], 1);
}

#[tokio::test]
async fn a_conflict_names_the_only_document_with_a_condition() {
    let Some(backend) = backend() else { return };
    let (database, key) = (database(), Key::new("notes", "guard"));
    backend.commit(&database, &[put(&key, json!({}))]).await.unwrap();
    for precondition in [Precondition::Absent, Precondition::At(Version(1)), Precondition::At(Version(-1))] {
        let guard = Write::Verify { key: key.clone(), precondition };
        let error = backend.commit(&database, &[put(&Key::new("notes", "other"), json!({})), guard]).await.unwrap_err();
        assert!(matches!(&error, CommitError::Conflict { key: Some(at) } if *at == key), "{precondition:?}: {error:?}");
    }
}

/// Times that no calendar has are no mistake of the caller either: such a version is just not there.
#[tokio::test]
async fn a_version_outside_the_calendar_never_holds() {
    let Some(backend) = backend() else { return };
    let (database, key) = (database(), Key::new("notes", "n"));
    backend.commit(&database, &[put(&key, json!({}))]).await.unwrap();
    for version in [i64::MIN, i64::MAX] {
        let verify = Write::Verify { key: key.clone(), precondition: Precondition::At(Version(version)) };
        let error = backend.commit(&database, &[verify]).await.unwrap_err();
        assert!(matches!(error, CommitError::Conflict { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn the_largest_document_goes_and_one_byte_more_does_not() {
    let Some(backend) = backend() else { return };
    let (database, key) = (database(), Key::new("notes", "n"));
    // Name: "notes" and "n" with one byte each, and 16. Fields: "_write" and 8, "_all" and 1, "a" and "b" and their
    // texts' ends, each name with one byte. Document: 32.
    let overhead = (6 + 2 + 16) + (7 + 8) + (5 + 1) + 2 * (2 + 1) + 32;
    let of_size =
        |bytes: usize| put(&key, json!({"a": "x".repeat(500_000), "b": "x".repeat(bytes - overhead - 500_000)}));
    backend.commit(&database, &[of_size(1 << 20)]).await.unwrap();
    let error = backend.commit(&database, &[of_size((1 << 20) + 1)]).await.unwrap_err();
    let CommitError::Store(Error::TooLarge { what }) = error else { panic!("{error:?}") };
    assert_eq!(what, "notes/n with 1048577 bytes, 1048576 at most");

    // One field takes a little less. Its text's end counts too.
    let of_one_field = |bytes: usize| put(&key, json!({"a": "x".repeat(bytes - 1)}));
    backend.commit(&database, &[of_one_field(1_048_487)]).await.unwrap();
    let error = backend.commit(&database, &[of_one_field(1_048_488)]).await.unwrap_err();
    let CommitError::Store(Error::TooLarge { what }) = error else { panic!("{error:?}") };
    assert_eq!(what, "notes/n with more than 1048487 bytes in \"a\"");
}

#[tokio::test]
async fn a_commit_above_ten_mebibytes_is_refused_before_it_is_sent() {
    let Some(backend) = backend() else { return };
    let writes: Vec<Write> =
        (0..12).map(|n| put(&Key::new("notes", format!("n{n}")), json!({"text": "x".repeat(1_000_000)}))).collect();
    let error = backend.commit(&database(), &writes).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(Error::TooLarge { .. })), "{error:?}");
}

#[tokio::test]
async fn integers_above_the_signed_ones_are_found() {
    let Some(backend) = backend() else { return };
    let database = database();
    let write = |id: &str, value| put(&Key::new("things", id), json!({"value": value, "list": [value, 1]}));
    let big = write("big", json!(u64::MAX));
    backend.commit(&database, &[big, write("null", json!(null)), write("seven", json!(7))]).await.unwrap();
    let found = async |query: Query| -> Vec<String> {
        let documents = backend.query(&database, &query).await.unwrap();
        documents.into_iter().map(|document| document.key.id).collect()
    };
    let all = || Query::all("things");
    assert_eq!(found(all().eq("value", json!(u64::MAX))).await, ["big"]);
    assert_eq!(found(all().filter("value", Op::In, json!([u64::MAX, 7]))).await, ["big", "seven"]);
    assert_eq!(found(all().contains("list", json!(u64::MAX))).await, ["big"]);
    assert_eq!(found(all().filter("value", Op::Less, json!(u64::MAX))).await, ["seven"]);
    assert_eq!(found(all().by_id(Direction::Descending)).await, ["seven", "null", "big"]);
}
