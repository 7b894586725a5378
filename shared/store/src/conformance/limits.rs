//! What is too large, and what is no path or query.

use serde_json::{Value, json};

use super::{Ground, assert_same, put};
use crate::{
    CommitError, Cursor, Direction, Error, Key, MAX_DOCUMENT_BYTES, MAX_WRITES, Op, Precondition, Query, Version, Write,
};

/// Documents of up to 900 KiB come back: one long text, many short ones.
pub async fn large_documents(ground: Ground) {
    let long = json!({"text": "x".repeat(900 * 1024)});
    let many =
        json!({"rows": (0..12_000).map(|n| json!({"n": n, "text": "a row of a table"})).collect::<Vec<Value>>()});
    assert!(many.to_string().len() < 900 * 1024);
    for (id, fields) in [("long", long), ("many", many)] {
        let key = Key::new("large", id);
        ground.put(&key, fields.clone()).await;
        assert_same(&ground.read(&key).await.unwrap().fields, &fields);
    }
}

/// A document above 1 MiB is refused before anything is written.
pub async fn too_large_documents(ground: Ground) {
    let small = put(&Key::new("large", "small"), json!({}), Precondition::None);
    let large = put(&Key::new("large", "l"), json!({"text": "x".repeat(MAX_DOCUMENT_BYTES)}), Precondition::None);
    let error = ground.commit(&[small, large]).await.unwrap_err();
    let CommitError::Store(Error::TooLarge { what }) = error else { panic!("{error:?}") };
    assert!(what.contains("large/l"), "{what}");
    assert_eq!(ground.read(&Key::new("large", "small")).await, None);
}

/// 400 writes are a commit, 401 are none.
pub async fn too_many_writes(ground: Ground) {
    let key = |n: usize| Key::new("many", format!("{n:03}"));
    let writes: Vec<Write> = (0..=MAX_WRITES).map(|n| put(&key(n), json!({"n": n}), Precondition::Absent)).collect();
    let error = ground.commit(&writes).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(Error::TooLarge { .. })), "{error:?}");
    assert_eq!(ground.backend.count(&ground.database, &Query::all("many")).await.unwrap(), 0);
    ground.commit(&writes[..MAX_WRITES]).await.unwrap();
    assert_eq!(ground.backend.count(&ground.database, &Query::all("many")).await.unwrap(), 400);
}

/// A path or id outside the rules is refused by every method.
pub async fn bad_paths(ground: Ground) {
    for (path, id) in [
        ("", "1"),
        ("chats/", "1"),
        ("chats/c1", "1"),
        ("chats//messages", "1"),
        ("chats/../messages", "1"),
        ("Chats", "1"),
        ("cha ts", "1"),
        ("chats", ""),
        ("chats", "."),
        ("chats", ".."),
        ("chats", "a/b"),
        ("chats", "__a__"),
        ("chats", "a\0b"),
        ("chats", &"x".repeat(401)),
    ] {
        let key = Key::new(path, id);
        let is_bad = |error: &Error| matches!(error, Error::BadPath { .. });
        let good = Key::new("chats", "good");
        let read = ground.backend.get(&ground.database, &[good.clone(), key.clone()]).await.unwrap_err();
        assert!(is_bad(&read), "{key}: {read:?}");
        for write in [
            put(&key, json!({}), Precondition::None),
            Write::Delete { key: key.clone(), precondition: Precondition::None },
            Write::Verify { key: key.clone(), precondition: Precondition::At(Version(1)) },
        ] {
            let error = ground.commit(&[put(&good, json!({}), Precondition::None), write]).await.unwrap_err();
            assert!(matches!(&error, CommitError::Store(error) if is_bad(error)), "{key}: {error:?}");
        }
        assert_eq!(ground.read(&good).await, None, "{key}");
        let cursor = Some(Cursor { values: Vec::new(), id: id.to_owned() });
        let query = Query::all(path).after(cursor);
        assert!(is_bad(&ground.backend.query(&ground.database, &query).await.unwrap_err()), "{query:?}");
        assert!(is_bad(&ground.backend.count(&ground.database, &query).await.unwrap_err()), "{query:?}");
    }
}

/// A query that makes no sense is refused and not answered with something.
pub async fn queries_nobody_can_answer(ground: Ground) {
    let all = || Query::all("things");
    for query in [
        all().eq("a'b", json!(1)),
        all().eq("", json!(1)),
        all().order("a\"", Direction::Ascending),
        all().eq("a", json!({"b": 1})),
        all().contains("a", json!(null)),
        all().filter("a", Op::In, json!(1)),
        all().filter("a", Op::In, json!([])),
        all().filter("a", Op::In, json!(vec![0; 31])),
        all().filter("a", Op::Less, json!(true)),
        all().order("a", Direction::Ascending).after(Some(Cursor { values: Vec::new(), id: "1".to_owned() })),
        all().order("a", Direction::Ascending).id_below("1"),
    ] {
        for error in [
            ground.backend.query(&ground.database, &query).await.unwrap_err(),
            ground.backend.count(&ground.database, &query).await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::Refused(_)), "{query:?}: {error:?}");
        }
    }
}
