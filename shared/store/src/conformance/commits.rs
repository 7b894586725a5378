//! Conditions, and all or nothing.

use futures::future::join_all;
use serde_json::json;

use super::{Ground, assert_conflict, assert_same, put};
use crate::{CommitError, Key, Precondition, Version, Write};

/// Every kind of write under every condition, on a document that is there and one that is not.
pub async fn each_precondition_holds(ground: Ground) {
    for (id, there) in [("there", true), ("absent", false)] {
        for kind in ["put", "delete", "verify"] {
            for condition in ["none", "absent", "current", "old"] {
                if (kind, condition) == ("verify", "none") {
                    continue;
                }
                let key = Key::new("notes", format!("{id}-{kind}-{condition}"));
                check_one(&ground, &key, there, kind, condition).await;
            }
        }
    }
}

async fn check_one(ground: &Ground, key: &Key, there: bool, kind: &str, condition: &str) {
    // Both documents had a life before, so that there is an old version to ask for.
    ground.put(key, json!({"life": 1})).await;
    let old = ground.version(key).await;
    ground.commit(&[Write::Delete { key: key.clone(), precondition: Precondition::None }]).await.unwrap();
    let mut current = old;
    if there {
        ground.put(key, json!({"life": 2})).await;
        current = ground.version(key).await;
    }
    let before = ground.read(key).await;

    let (precondition, holds) = match condition {
        "none" => (Precondition::None, true),
        "absent" => (Precondition::Absent, !there),
        "current" => (Precondition::At(current), there),
        _ => (Precondition::At(old), false),
    };
    let write = match kind {
        "put" => put(key, json!({"life": 3}), precondition),
        "delete" => Write::Delete { key: key.clone(), precondition },
        _ => Write::Verify { key: key.clone(), precondition },
    };
    let answer = ground.commit(&[write]).await;

    let after = ground.read(key).await;
    if !holds {
        assert_conflict(answer, key);
        assert_eq!(after, before, "{key}");
        return;
    }
    answer.unwrap_or_else(|error| panic!("{key}: {error}"));
    match kind {
        "put" => assert_same(&after.unwrap().fields, &json!({"life": 3})),
        "delete" => assert_eq!(after, None, "{key}"),
        _ => assert_eq!(after, before, "{key}"),
    }
}

/// One failing condition, wherever it stands, and nothing of the commit is written.
pub async fn all_or_nothing(ground: Ground) {
    let key = |id: &str| Key::new("notes", id);
    ground.fill("notes", &[("kept", json!({"n": 1})), ("guard", json!({"n": 1}))]).await;
    ground.put(&Key::new("chats/c/messages", "kept"), json!({"n": 1})).await;
    let before = ground.read_all(&[key("kept"), key("guard")]).await;
    let stale = Precondition::At(Version(before[1].as_ref().unwrap().version.0 - 1));

    for place in 0..4 {
        let mut writes = vec![
            put(&key("new"), json!({"n": 2}), Precondition::Absent),
            Write::Delete { key: key("kept"), precondition: Precondition::None },
            put(&Key::new("chats/c/messages", "new"), json!({"n": 2}), Precondition::None),
        ];
        writes.insert(place, Write::Verify { key: key("guard"), precondition: stale });
        assert_conflict(ground.commit(&writes).await, &key("guard"));
        assert_eq!(ground.read_all(&[key("kept"), key("guard")]).await, before, "failing at {place}");
        assert_eq!(ground.read_all(&[key("new"), Key::new("chats/c/messages", "new")]).await, [None, None]);
    }

    let current = Precondition::At(ground.version(&key("guard")).await);
    let writes = [
        put(&key("new"), json!({"n": 2}), Precondition::Absent),
        Write::Delete { key: key("kept"), precondition: Precondition::None },
        Write::Verify { key: key("guard"), precondition: current },
    ];
    ground.commit(&writes).await.unwrap();
    let after = ground.read_all(&[key("new"), key("kept"), key("guard")]).await;
    assert!(after[0].is_some() && after[1].is_none());
    assert_eq!(after[2], before[1], "a verified document keeps its version");
}

/// A commit of nothing succeeds.
pub async fn an_empty_commit_does_nothing(ground: Ground) {
    ground.commit(&[]).await.unwrap();
}

/// Of many that create one document at once, one succeeds and all others are told.
pub async fn concurrent_creates_have_one_winner(ground: Ground) {
    let key = Key::new("names", "taken");
    let tries = (0..12).map(|n| {
        let write = put(&key, json!({"by": n}), Precondition::Absent);
        let ground = &ground;
        async move { (n, ground.commit(&[write]).await) }
    });
    let mut winners = Vec::new();
    for (n, answer) in join_all(tries).await {
        match answer {
            Ok(()) => winners.push(n),
            Err(CommitError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_same(&ground.read(&key).await.unwrap().fields, &json!({"by": winners[0]}));
}
