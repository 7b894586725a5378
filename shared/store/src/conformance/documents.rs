//! Reading, writing and removing single documents.

use kernel::Time;
use serde::Deserialize;
use serde_json::json;

use super::{Ground, assert_same, map, put};
use crate::{Collection, Error, Key, Precondition, Write};

/// What was put is read, replaced as a whole, and gone after its removal.
pub async fn put_get_delete(ground: Ground) {
    let key = Key::new("notes", "n1");
    assert_eq!(ground.read(&key).await, None);

    ground.put(&key, json!({"title": "one", "tags": ["a"]})).await;
    let document = ground.read(&key).await.unwrap();
    assert_eq!(document.key, key);
    assert_same(&document.fields, &json!({"title": "one", "tags": ["a"]}));

    ground.put(&key, json!({"body": {"text": "two"}})).await;
    assert_same(&ground.read(&key).await.unwrap().fields, &json!({"body": {"text": "two"}}));

    ground.put(&key, json!({})).await;
    assert_same(&ground.read(&key).await.unwrap().fields, &json!({}));

    let delete = [Write::Delete { key: key.clone(), precondition: Precondition::None }];
    ground.commit(&delete).await.unwrap();
    assert_eq!(ground.read(&key).await, None);
    ground.commit(&delete).await.unwrap();
}

/// A batch answers in the order asked, with a hole for each document that is not there.
pub async fn batch_in_order(ground: Ground) {
    let key = |id: &str| Key::new("notes", id);
    let below = Key::new("chats/c1/messages", "b");
    ground.fill("notes", &[("a", json!({"n": 1})), ("b", json!({"n": 2})), ("c", json!({"n": 3}))]).await;
    ground.put(&below, json!({"n": 4})).await;

    let asked = [key("c"), key("missing"), below, key("a"), Key::new("nothing-here", "a"), key("b"), key("a")];
    let found = ground.read_all(&asked).await;
    let numbers: Vec<Option<i64>> = found.iter().map(|d| d.as_ref()?.fields["n"].as_i64()).collect();
    assert_eq!(numbers, [Some(3), None, Some(4), Some(1), None, Some(2), Some(1)]);
    for (document, asked) in found.iter().zip(&asked) {
        assert!(document.as_ref().is_none_or(|document| &document.key == asked));
    }
    assert!(ground.read_all(&[]).await.is_empty());
}

/// Each write makes a new version, one with the same fields too, and a document made anew has none of its old ones.
pub async fn versions_change_and_never_come_back(ground: Ground) {
    let key = Key::new("notes", "n1");
    let mut seen = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            ground.put(&key, json!({"same": true})).await;
            let version = ground.version(&key).await;
            assert_eq!(version, ground.version(&key).await, "reading changes no version");
            assert!(!seen.contains(&version), "{version:?} came back after {seen:?}");
            seen.push(version);
        }
        ground.commit(&[Write::Delete { key: key.clone(), precondition: Precondition::None }]).await.unwrap();
    }
}

/// Only expired documents are removed, by the store's own service or by the purge; a write without an expiry ends it.
pub async fn expired_documents_are_purged(ground: Ground) {
    let now = Time::from_millis(1_700_000_000_000);
    let until = |id: &str, millis: i64| Write::Put {
        key: Key::new("codes", id),
        fields: map(json!({"id": id})),
        expire_at: Some(Time::from_millis(millis)),
        precondition: Precondition::None,
    };
    let past = now.as_millis() - 1;
    // Far in the future of any clock, since a store with a service of its own has one.
    let future = 4_000_000_000_000;
    ground
        .commit(&[until("past", past), until("renewed", past), until("prolonged", past), until("future", future)])
        .await
        .unwrap();
    let renewed = put(&Key::new("codes", "renewed"), json!({"id": "renewed"}), Precondition::None);
    ground.commit(&[renewed, until("prolonged", future)]).await.unwrap();
    ground.put(&Key::new("codes", "plain"), json!({})).await;

    let mut purged = 0;
    loop {
        match ground.backend.purge_expired(&ground.database, now).await.unwrap() {
            0 => break,
            some => purged += some,
        }
    }
    let by_purge = ground.read(&Key::new("codes", "past")).await.is_none();
    assert_eq!(purged, u64::from(by_purge), "the purge says what it removed");
    for id in ["renewed", "prolonged", "future", "plain"] {
        assert!(ground.read(&Key::new("codes", id)).await.is_some(), "{id}");
    }
}

/// A document that is not of its type is an error that names it and the field.
pub async fn damaged_documents_are_named(ground: Ground) {
    #[derive(Debug, Deserialize)]
    struct Note {
        #[expect(dead_code, reason = "only its type matters")]
        lines: Vec<u32>,
    }
    let notes: Collection<Note> = Collection::top("notes", &[]);
    ground.put(&Key::new("notes", "n1"), json!({"lines": [1, "two"]})).await;
    let error = ground.store().get(&notes, "n1").await.unwrap_err();
    let Error::Damaged { key, field, .. } = error else { panic!("{error}") };
    assert_eq!((key.to_string().as_str(), field.as_str()), ("notes/n1", "lines[1]"));
}

/// A store that works says so.
pub async fn the_store_answers_its_check(ground: Ground) {
    ground.store().check().await.unwrap();
}
