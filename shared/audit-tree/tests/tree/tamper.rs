use std::time::Duration;

use audit_tree::{Checkpoint, Error, LATEST, Problem, ProblemKind, SWEEP_EVERY, checkpoint_name};
use blobs::BlobName;
use model::audit_tree::{BATCHES, HEAD, TILES, batch_id, tile_id};
use serde_json::{Value, json};
use store::Collection;
use testkit::TestApp;

use crate::{RAW, ledger, seal, sealed, verify, write};

testkit::on_both_platforms! {
    functions: Vec::new;
    an_altered_removed_or_inserted_entry_is_named,
    the_first_of_several_is_named,
    an_altered_or_missing_checkpoint_is_named,
    an_altered_tree_is_named_and_not_grown,
    a_file_in_the_next_ones_place_stops_sealing,
}

async fn problem(app: &TestApp) -> Problem {
    verify(app).await.problem.expect("something is wrong")
}

async fn is_intact(app: &TestApp) {
    assert_eq!(verify(app).await.problem, None);
}

async fn raw(app: &TestApp, id: &str) -> Value {
    app.store.get(&RAW, id).await.unwrap().unwrap().value
}

async fn put(app: &TestApp, collection: &str, id: &str, value: &Value) {
    let collection: Collection<Value> = Collection::top(Box::leak(collection.to_owned().into_boxed_str()), &[]);
    app.store.transact("tamper", async |tx| tx.put(&collection, id, value)).await.unwrap();
}

async fn remove(app: &TestApp, collection: &str, id: &str) {
    let collection: Collection<Value> = Collection::top(Box::leak(collection.to_owned().into_boxed_str()), &[]);
    let removed = app.store.transact("tamper", async |tx| {
        tx.delete(&collection, id);
        Ok::<_, store::Error>(())
    });
    removed.await.unwrap();
}

/// Two batches and more than one tile.
async fn log(app: &TestApp) -> Vec<String> {
    let mut ids = sealed(app, 270).await;
    ids.extend(sealed(app, 30).await);
    is_intact(app).await;
    ids
}

async fn an_altered_removed_or_inserted_entry_is_named(app: TestApp) {
    let ids = log(&app).await;
    let entry = raw(&app, &ids[42]).await;
    for (field, value) in [
        ("action", json!("patient.list")),
        ("at", json!("1970-01-01T00:00:00.000Z")),
        ("at", json!(null)),
        ("patients", json!([])),
        ("refusal", json!("")),
        ("note", json!("a field more")),
    ] {
        let mut altered = entry.clone();
        altered[field] = value;
        put(&app, "audit", &ids[42], &altered).await;
        let named = problem(&app).await;
        assert_eq!(
            (named.kind, named.entry.as_ref(), named.number),
            (ProblemKind::EntryAltered, Some(&ids[42]), Some(42)),
            "{field}"
        );
        assert!(named.message.contains(&ids[42]) && named.message.contains("altered"), "{}", named.message);
        put(&app, "audit", &ids[42], &entry).await;
    }

    remove(&app, "audit", &ids[42]).await;
    let named = problem(&app).await;
    assert_eq!((named.kind, named.entry.as_ref(), named.number), (ProblemKind::EntryRemoved, Some(&ids[42]), Some(42)));
    assert_eq!(named.at.as_deref(), entry["at"].as_str());
    put(&app, "audit", &ids[42], &entry).await;
    is_intact(&app).await;

    // Reordered: two entries change places.
    let other = raw(&app, &ids[43]).await;
    put(&app, "audit", &ids[42], &other).await;
    put(&app, "audit", &ids[43], &entry).await;
    let named = problem(&app).await;
    assert_eq!((named.kind, named.entry.as_ref()), (ProblemKind::EntryAltered, Some(&ids[42])));
    put(&app, "audit", &ids[42], &entry).await;
    put(&app, "audit", &ids[43], &other).await;

    app.clock.advance(SWEEP_EVERY + LATEST);
    seal(&app).await;
    let strange = [
        json!("1970-01-01T00:00:00.000Z"),
        json!(""),
        entry["at"].clone(),
        json!("2199-01-01T00:00:00.000Z"),
        json!(null),
        json!(7),
    ];
    for at in strange {
        let mut inserted = entry.clone();
        inserted["at"] = at;
        put(&app, "audit", "inserted", &inserted).await;
        let named = problem(&app).await;
        assert_eq!((named.kind, named.entry.as_deref()), (ProblemKind::EntryInserted, Some("inserted")), "{inserted}");
    }
    let mut without_shard = entry.clone();
    without_shard["shard"] = json!(8);
    put(&app, "audit", "inserted", &without_shard).await;
    assert_eq!(problem(&app).await.entry.as_deref(), Some("inserted"));
    remove(&app, "audit", "inserted").await;
    is_intact(&app).await;
}

async fn the_first_of_several_is_named(app: TestApp) {
    let ids = log(&app).await;
    app.clock.advance(SWEEP_EVERY + LATEST);
    seal(&app).await;
    let early = raw(&app, &ids[100]).await;
    remove(&app, "audit", &ids[290]).await;
    assert_eq!(problem(&app).await.entry.as_ref(), Some(&ids[290]));
    let mut altered = raw(&app, &ids[200]).await;
    altered["outcome"] = json!("denied");
    put(&app, "audit", &ids[200], &altered).await;
    assert_eq!(problem(&app).await.number, Some(200));
    // Inserted a moment before the altered one, in the same batch.
    put(&app, "audit", "inserted", &early).await;
    let named = problem(&app).await;
    assert_eq!((named.kind, named.entry.as_deref()), (ProblemKind::EntryInserted, Some("inserted")));
    remove(&app, "audit", &ids[7]).await;
    assert_eq!(problem(&app).await.number, Some(7));
}

async fn read(app: &TestApp, name: &BlobName) -> Vec<u8> {
    let blob = app.checkpoints.get(name).await.unwrap().unwrap();
    blob.content.read(1 << 24).await.unwrap().to_vec()
}

async fn overwrite(app: &TestApp, name: &BlobName, bytes: Vec<u8>) {
    app.checkpoints.put(name, bytes.into(), "application/json", 1 << 24).await.unwrap();
}

async fn an_altered_or_missing_checkpoint_is_named(app: TestApp) {
    log(&app).await;
    sealed(&app, 10).await;
    let (name, next) = (checkpoint_name(&app.tenant, 270), checkpoint_name(&app.tenant, 300));
    let whole = read(&app, &name).await;
    let checkpoint: Checkpoint = serde_json::from_slice(&whole).unwrap();
    let (later, listed) = (read(&app, &next).await, checkpoint.entries.clone());
    let change = |change: &dyn Fn(&mut Checkpoint)| {
        let mut changed = checkpoint.clone();
        change(&mut changed);
        serde_json::to_vec(&changed).unwrap()
    };
    let other_signature = serde_json::from_slice::<Checkpoint>(&later).unwrap().jws;
    let variants = [
        change(&|it| it.statement.root = "00".repeat(32)),
        change(&|it| it.statement.at = it.statement.at.plus(Duration::from_secs(1))),
        change(&|it| it.entries.swap(3, 4)),
        change(&|it| drop(it.entries.pop())),
        change(&|it| it.entries.push(listed[0].clone())),
        change(&|it| "2026-01-15T10:00:00.000Z".clone_into(&mut it.entries[5].at)),
        change(&|it| it.entries[5].hash = it.entries[6].hash.clone()),
        change(&|it| it.jws.clone_from(&other_signature)),
        whole[..whole.len() - 1].to_vec(),
        b"{}".to_vec(),
        Vec::new(),
        later.clone(),
    ];
    for bytes in variants {
        overwrite(&app, &name, bytes).await;
        let named = problem(&app).await;
        let expected = (ProblemKind::CheckpointAltered, Some(name.to_string()), Some(270));
        assert_eq!((named.kind, named.place, named.number), expected, "{}", named.message);
    }
    // In the middle, at the beginning and at the end.
    overwrite(&app, &name, whole).await;
    for (name, number) in [(checkpoint_name(&app.tenant, 0), 0), (name, 270), (next, 300)] {
        let bytes = read(&app, &name).await;
        app.checkpoints.delete(&name).await.unwrap();
        let named = problem(&app).await;
        let expected = (ProblemKind::CheckpointMissing, Some(name.to_string()), Some(number));
        assert_eq!((named.kind, named.place, named.number), expected);
        overwrite(&app, &name, bytes).await;
    }
    is_intact(&app).await;
}

async fn an_altered_tree_is_named_and_not_grown(app: TestApp) {
    log(&app).await;
    let tiles = [tile_id(0, 0), tile_id(0, 1), tile_id(1, 0)].map(|id| ("audit-tiles", id));
    let batches = [batch_id(0), batch_id(270)].map(|id| ("audit-batches", id));
    let all = tiles.into_iter().chain(batches).chain([("audit-heads", HEAD.to_owned())]);
    for (collection, id) in all {
        let key = store::Key::new(collection, id.as_str());
        let fields =
            Value::Object(app.store.get_keys(std::slice::from_ref(&key)).await.unwrap().remove(0).unwrap().fields);
        for field in ["hashes", "ids", "root", "size", "until", "late", "checkpoint"] {
            let mut altered = fields.clone();
            altered[field] = match &fields[field] {
                Value::Null => continue,
                Value::Bool(value) => json!(!value),
                Value::Number(number) => json!(number.as_u64().unwrap() - 1),
                // The last of several hashes, times or ids changes places with itself turned round.
                Value::String(text) if text.is_empty() => json!("x"),
                Value::String(text) if field == "until" => json!(text.replace("2026", "2025")),
                Value::String(text) => json!(text.chars().rev().collect::<String>()),
                other => panic!("{other}"),
            };
            put(&app, collection, &id, &altered).await;
            let named = problem(&app).await;
            assert_eq!(named.kind, ProblemKind::TreeAltered, "{key} {field}: {}", named.message);
            assert!(
                named.place.as_deref().is_some_and(|place| place.starts_with(collection)),
                "{key} {field}: {named:?}"
            );
            put(&app, collection, &id, &fields).await;
        }
        remove(&app, collection, &id).await;
        assert_eq!(problem(&app).await.kind, ProblemKind::TreeAltered, "{key}");
        put(&app, collection, &id, &fields).await;
    }
    is_intact(&app).await;

    let tile = tile_id(0, 1);
    let fields = app.store.get(&TILES, &tile).await.unwrap().unwrap().value;
    let mut altered = fields.clone();
    altered.hashes.replace_range(..2, if fields.hashes.starts_with("00") { "01" } else { "00" });
    app.store.transact("tamper", async |tx| tx.put(&TILES, &tile, &altered)).await.unwrap();
    write(&app, 3).await;
    app.clock.advance(audit_tree::GRACE);
    let error = ledger(&app).seal(app.app.now()).await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    app.store.transact("mend", async |tx| tx.put(&TILES, &tile, &fields)).await.unwrap();
    assert_eq!(seal(&app).await.entries, 3);
    assert_eq!(app.store.query(&BATCHES, &BATCHES.all()).await.unwrap().len(), 3);
    is_intact(&app).await;
}

async fn a_file_in_the_next_ones_place_stops_sealing(app: TestApp) {
    sealed(&app, 5).await;
    let (first, next) = (checkpoint_name(&app.tenant, 0), checkpoint_name(&app.tenant, 5));
    write(&app, 1).await;
    app.clock.advance(audit_tree::GRACE);
    let first = read(&app, &first).await;
    for bytes in [b"something else".to_vec(), first] {
        overwrite(&app, &next, bytes).await;
        let error = ledger(&app).seal(app.app.now()).await.unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }) && !error.is_retryable(), "{error}");
        assert!(error.to_string().contains(next.as_str()), "{error}");
        let named = problem(&app).await;
        assert_eq!((named.kind, named.place), (ProblemKind::CheckpointAltered, Some(next.to_string())));
    }
    app.checkpoints.delete(&next).await.unwrap();
    assert_eq!(seal(&app).await.entries, 1);
    is_intact(&app).await;
}
