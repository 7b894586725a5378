//! Rows and files that are not what this program wrote.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use store::{Backend, Direction, Error, IndexField, Key, Op, Query};
use store_sqlite::{Declared, SqliteBackend};

use crate::{database, folder, put};

async fn write_and_close(folder: &Path) {
    let backend = SqliteBackend::open(folder.to_owned(), Vec::new());
    let writes = ["a", "b", "c"].map(|id| put("chats/c1/messages", id, json!({"n": 1})));
    backend.commit(&database("t"), &writes).await.unwrap();
    backend.close().await;
}

/// A row that holds no JSON object is named, however it is come upon, and the others are read.
#[tokio::test]
async fn a_damaged_row_is_named() {
    for (n, damage) in ["{\"n\": 1", "", "[1]", "null", "{\"n\":01}", "secret"].into_iter().enumerate() {
        let folder = folder(&format!("damage-{n}"));
        write_and_close(&folder).await;
        let raw = Connection::open(folder.join("t.db")).unwrap();
        raw.execute("UPDATE \"chats/messages\" SET fields = ?1 WHERE id = 'b'", [damage]).unwrap();
        drop(raw);

        let backend = SqliteBackend::open(folder, Vec::new());
        let key = |id: &str| Key::new("chats/c1/messages", id);
        let all = || Query::all("chats/c1/messages");
        let mut errors = vec![
            backend.get(&database("t"), &[key("a"), key("b")]).await.unwrap_err(),
            backend.query(&database("t"), &all()).await.unwrap_err(),
        ];
        if serde_json::from_str::<serde_json::Value>(damage).is_err() {
            errors.push(backend.query(&database("t"), &all().eq("n", json!(1))).await.unwrap_err());
            errors.push(backend.query(&database("t"), &all().contains("n", json!(1))).await.unwrap_err());
            errors.push(backend.count(&database("t"), &all().filter("n", Op::Less, json!(3))).await.unwrap_err());
            errors.push(backend.query(&database("t"), &all().order("n", Direction::Descending)).await.unwrap_err());
        }
        for error in errors {
            assert!(!format!("{error:?}").contains("secret"), "what is in the row stays out of the error: {error:?}");
            let Error::Damaged { key: named, field, .. } = error else { panic!("{damage}: {error:?}") };
            assert_eq!((named, field.as_str()), (key("b"), ""));
        }
        assert!(backend.get(&database("t"), &[key("c")]).await.unwrap()[0].is_some());
        // Writing it anew mends it.
        backend.commit(&database("t"), &[put("chats/c1/messages", "b", json!({"n": 2}))]).await.unwrap();
        assert_eq!(backend.query(&database("t"), &all()).await.unwrap().len(), 3);
    }
}

/// An index that is new and cannot be made says over which row; without it, the others are read.
#[tokio::test]
async fn a_damaged_row_in_the_way_of_an_index() {
    let folder = folder("damage-index");
    write_and_close(&folder).await;
    let raw = Connection::open(folder.join("t.db")).unwrap();
    raw.execute("UPDATE \"chats/messages\" SET fields = 'secret' WHERE id = 'b'", []).unwrap();
    drop(raw);
    for index in [&[IndexField::Ascending("n")], &[IndexField::Contains("n")]] {
        let backend = SqliteBackend::open(folder.clone(), vec![Declared { group: "messages", index }]);
        let error = backend.get(&database("t"), &[Key::new("chats/c1/messages", "a")]).await.unwrap_err();
        let Error::Damaged { key, .. } = error else { panic!("{error:?}") };
        assert_eq!(key, Key::new("chats/c1/messages", "b"));
    }
    let backend = SqliteBackend::open(folder, Vec::new());
    assert!(backend.get(&database("t"), &[Key::new("chats/c1/messages", "a")]).await.unwrap()[0].is_some());
}

/// A file that is no database, and one of a later program, say so and are left alone.
#[tokio::test]
async fn a_foreign_file_is_refused() {
    let folder = folder("foreign");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("text.db"), "no database at all, but long enough to be looked at".repeat(20)).unwrap();
    let raw = Connection::open(folder.join("later.db")).unwrap();
    raw.pragma_update(None, "user_version", 2).unwrap();
    drop(raw);

    let backend = SqliteBackend::open(folder.clone(), Vec::new());
    let error = backend.check(&database("text")).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(std::fs::read_to_string(folder.join("text.db")).unwrap().starts_with("no database"));
    let Error::Refused(why) = backend.check(&database("later")).await.unwrap_err() else { panic!() };
    assert!(why.to_string().contains("use a newer one"), "{why}");
}

/// A folder that cannot be made is named by its database, and asking again works once the cause is gone.
#[tokio::test]
async fn a_folder_in_the_way_of_a_file() {
    let folder = folder("in-the-way");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    std::fs::write(&folder, "a file").unwrap();
    let backend = SqliteBackend::open(folder.clone(), Vec::new());
    let error = backend.check(&database("t")).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    std::fs::remove_file(&folder).unwrap();
    backend.check(&database("t")).await.unwrap();
}

/// A document that could be written but never read back is refused.
#[tokio::test]
async fn a_bottomless_document_is_refused() {
    let backend = SqliteBackend::in_memory(Vec::new());
    let nest = |depth: usize| (0..depth).fold(json!(1), |value, _| json!([value]));
    backend.commit(&database("t"), &[put("notes", "deep", json!({"v": nest(99)}))]).await.unwrap();
    assert!(backend.get(&database("t"), &[Key::new("notes", "deep")]).await.unwrap()[0].is_some());
    let error = backend.commit(&database("t"), &[put("notes", "n1", json!({"v": nest(100)}))]).await.unwrap_err();
    let store::CommitError::Store(Error::TooLarge { what }) = error else { panic!("{error:?}") };
    assert!(what.contains("notes/n1"), "{what}");
}
