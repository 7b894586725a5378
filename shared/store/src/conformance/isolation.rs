//! What must not see each other.

use serde_json::json;

use super::{Ground, ids};
use crate::{Database, Key, Query};

/// Two tenants' databases: the same keys, nothing in common.
pub async fn tenants_do_not_see_each_other(ground: Ground) {
    let Ground { backend, database, other } = ground;
    check_apart(&Ground { backend, database: database.clone(), other: other.clone() }, &database, &other).await;
}

/// Two prefixes in one database do the same, one of them the other's beginning, and no prefix beside them.
pub async fn prefixes_separate(ground: Ground) {
    let with = |prefix: &str| Database { prefix: prefix.to_owned(), ..ground.database.clone() };
    check_apart(&ground, &with("north-"), &with("south-")).await;
    check_apart(&ground, &with("n-"), &with("n-n-")).await;
    check_apart(&ground, &with(""), &with("east-")).await;
}

async fn check_apart(ground: &Ground, one: &Database, two: &Database) {
    let at = |database: &Database| Ground {
        backend: ground.backend.clone(),
        database: database.clone(),
        other: ground.other.clone(),
    };
    let (one, two) = (at(one), at(two));
    let now = kernel::Time::from_millis(1_700_000_000_000);
    for path in ["notes", "chats/c1/messages"] {
        one.fill(path, &[("same", json!({"of": 1})), ("mine", json!({"of": 1}))]).await;
        assert_eq!(two.read(&Key::new(path, "same")).await, None);
        assert_eq!(two.backend.query(&two.database, &Query::all(path)).await.unwrap(), []);
        assert_eq!(two.backend.count(&two.database, &Query::all(path)).await.unwrap(), 0);

        two.fill(path, &[("same", json!({"of": 2}))]).await;
        assert_eq!(one.read(&Key::new(path, "same")).await.unwrap().fields["of"], 1);
        assert_eq!(two.read(&Key::new(path, "same")).await.unwrap().fields["of"], 2);
        assert_eq!(ids(&one.backend.query(&one.database, &Query::all(path)).await.unwrap()), ["mine", "same"]);
        let found = two.backend.query(&two.database, &Query::all(path).eq("of", json!(2))).await.unwrap();
        assert_eq!(found.iter().map(|d| d.key.to_string()).collect::<Vec<_>>(), [format!("{path}/same")]);
    }
    two.backend.purge_expired(&two.database, now).await.unwrap();
    assert!(one.read(&Key::new("notes", "mine")).await.is_some());
}

/// Collections of one name below two parents.
pub async fn collections_below_parents_are_apart(ground: Ground) {
    ground.fill("chats/c1/messages", &[("m1", json!({"n": 1})), ("m2", json!({"n": 2}))]).await;
    ground.fill("chats/c10/messages", &[("m1", json!({"n": 10}))]).await;
    ground.fill("chats/c1/messages/m1/receipts", &[("u1", json!({"n": 3}))]).await;
    for (path, expected) in [
        ("chats/c1/messages", vec!["m1", "m2"]),
        ("chats/c10/messages", vec!["m1"]),
        ("chats/c2/messages", vec![]),
        ("chats/c1/messages/m1/receipts", vec!["u1"]),
        ("chats/c1/messages/m2/receipts", vec![]),
        ("chats/c10/messages/m1/receipts", vec![]),
        // A parent needs no document of its own, and does not come into being by its children.
        ("chats", vec![]),
        ("messages", vec![]),
    ] {
        let found = ground.backend.query(&ground.database, &Query::all(path)).await.unwrap();
        assert_eq!(ids(&found), expected, "{path}");
        assert!(found.iter().all(|document| document.key.collection == path));
    }
    let delete =
        crate::Write::Delete { key: Key::new("chats/c1/messages", "m1"), precondition: crate::Precondition::None };
    ground.commit(&[delete]).await.unwrap();
    assert!(ground.read(&Key::new("chats/c10/messages", "m1")).await.is_some());
    assert!(ground.read(&Key::new("chats/c1/messages/m1/receipts", "u1")).await.is_some(), "children stay");
}

/// Collections of one name at the top and below, and below parents of two names.
pub async fn groups_of_one_name_are_apart(ground: Ground) {
    for (n, path) in ["notes", "patients/p/notes", "chats/p/notes", "chats/p/notes/p/notes"].into_iter().enumerate() {
        ground.fill(path, &[("same", json!({"n": n})), (&format!("only-{n}"), json!({"n": n}))]).await;
    }
    for (n, path) in ["notes", "patients/p/notes", "chats/p/notes", "chats/p/notes/p/notes"].into_iter().enumerate() {
        let found = ground.backend.query(&ground.database, &Query::all(path)).await.unwrap();
        assert_eq!(ids(&found), [format!("only-{n}").as_str(), "same"]);
        assert!(found.iter().all(|document| document.fields["n"] == n));
    }
}
