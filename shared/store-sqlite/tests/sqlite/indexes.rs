//! Declared indexes: used by the queries they are for, and brought up to date when a file is opened.

use rusqlite::Connection;
use serde_json::{Value, json};
use store::{Backend, Direction, Index, IndexField, Op, Query};
use store_sqlite::{Declared, SqliteBackend};

use crate::{database, folder, put};

const BY_KIND: Index = &[IndexField::Ascending("kind"), IndexField::Descending("at")];
const BY_OWNER: Index = &[IndexField::Ascending("owner.id")];
const BY_TAG: Index = &[IndexField::Contains("tags")];
const BY_AT: Index = &[IndexField::Ascending("at")];

fn declare(indexes: &[Index]) -> Vec<Declared> {
    indexes.iter().map(|index| Declared { group: "messages", index }).collect()
}

async fn answers(backend: &SqliteBackend) -> Vec<Vec<String>> {
    let all = || Query::all("chats/c1/messages");
    let mut answers = Vec::new();
    for query in [
        all().eq("kind", json!("x")).order("at", Direction::Descending),
        all().eq("owner.id", json!(2)),
        all().contains("tags", json!("even")),
        all().contains("tags", json!(3)).order("at", Direction::Ascending),
        all().filter("at", Op::Greater, json!("2")),
    ] {
        let documents = backend.query(&database("t"), &query).await.unwrap();
        answers.push(documents.into_iter().map(|document| document.key.id).collect());
    }
    answers
}

fn message(n: usize) -> Value {
    json!({
        "kind": if n.is_multiple_of(3) { "x" } else { "y" },
        "at": n.to_string(),
        "owner": {"id": n % 4},
        "tags": [if n.is_multiple_of(2) { json!("even") } else { json!(n % 5) }, null, n % 5],
    })
}

/// The same answers whichever indexes there are, and after they changed between two openings.
#[tokio::test]
async fn indexes_change_no_answer() {
    let folder = folder("indexes");
    let mut expected = None;
    let sets: [&[Index]; 5] = [&[], &[BY_KIND, BY_TAG], &[BY_TAG, BY_OWNER, BY_AT], &[], &[BY_KIND, BY_OWNER, BY_TAG]];
    for (round, set) in sets.into_iter().enumerate() {
        let backend = SqliteBackend::open(folder.clone(), declare(set));
        for n in 0..30 {
            // Written again each time, so that indexes and elements are kept by updates too.
            let write = put("chats/c1/messages", &format!("{n:02}"), message(n));
            backend.commit(&database("t"), &[write]).await.unwrap();
        }
        let found = answers(&backend).await;
        assert!(found.iter().all(|answer| !answer.is_empty()));
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "round {round}");
        backend.close().await;
    }
    let raw = Connection::open(folder.join("t.db")).unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE name GLOB 'chats/messages[:#]*' ORDER BY name";
    let names: Vec<String> =
        raw.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let expected = [
        "chats/messages#tags",
        "chats/messages#tags:delete",
        "chats/messages#tags:id",
        "chats/messages#tags:insert",
        "chats/messages#tags:update",
        "chats/messages:expire_at",
        "chats/messages:kind+at-",
        "chats/messages:owner.id+",
    ];
    assert_eq!(names, expected, "what is no longer declared is gone");
}
