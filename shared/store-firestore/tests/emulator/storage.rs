//! What stands in Firestore, seen by other eyes than ours.

use firestore::gcloud_sdk::google::firestore::v1::Value;
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::{FirestoreDb, FirestoreDbOptions, FirestoreDocument};
use kernel::Time;
use serde_json::json;
use store::{Backend, Database, Error, Key, Precondition, Query, Write};

use crate::common::{backend, database, put};

/// The `firestore` crate's own client, which finds the emulator by the environment.
async fn other_client(database: &Database) -> FirestoreDb {
    let options = FirestoreDbOptions::new(database.project.clone()).with_database_id(database.name.clone());
    FirestoreDb::with_options(options).await.unwrap()
}

async fn raw(client: &FirestoreDb, collection: &str, id: &str) -> Option<FirestoreDocument> {
    client.fluent().select().by_id_in(collection).one(id).await.unwrap()
}

#[tokio::test]
async fn a_document_reads_well_and_an_expiry_is_a_timestamp() {
    let Some(backend) = backend() else { return };
    let database = database();
    let key = Key::new("codes", "c1");
    let fields = json!({"title": "x", "at": "2024-01-15T10:00:00.000Z", "big": u64::MAX});
    let Write::Put { key, fields, precondition, .. } = put(&key, fields) else { unreachable!() };
    let expire_at = Some(Time::from_millis(1_700_000_000_123));
    backend.commit(&database, &[Write::Put { key: key.clone(), fields, expire_at, precondition }]).await.unwrap();

    let document = raw(&other_client(&database).await, "codes", "c1").await.unwrap();
    let of = |name: &str| document.fields[name].value_type.clone().unwrap();
    assert_eq!(of("title"), ValueType::StringValue("x".to_owned()));
    assert_eq!(of("at"), ValueType::StringValue("2024-01-15T10:00:00.000Z".to_owned()));
    let ValueType::MapValue(map) = of("big") else { panic!("{:?}", of("big")) };
    assert_eq!(map.fields["$json"].value_type, Some(ValueType::StringValue(u64::MAX.to_string())));
    let ValueType::TimestampValue(at) = of("_expireAt") else { panic!("{:?}", of("_expireAt")) };
    assert_eq!((at.seconds, at.nanos), (1_700_000_000, 123_000_000));
    assert!(matches!(of("_write"), ValueType::IntegerValue(_)));
    assert_eq!(of("_all"), ValueType::BooleanValue(true));
    assert_eq!(document.fields.len(), 6);
}

#[tokio::test]
async fn fields_named_like_ours_are_the_callers() {
    let Some(backend) = backend() else { return };
    let database = database();
    let key = Key::new("codes", "c1");
    let given = json!({"_expireAt": "never", "_write": 1, "_all": null, "$json": "{}"});
    let Write::Put { key, fields, .. } = put(&key, given.clone()) else { unreachable!() };
    let expire_at = Some(Time::from_millis(4_000_000_000_000));
    let write = Write::Put { key: key.clone(), fields, expire_at, precondition: Precondition::Absent };
    backend.commit(&database, &[write]).await.unwrap();
    let found = backend.get(&database, &[key]).await.unwrap();
    assert_eq!(json!(found[0].as_ref().unwrap().fields), given);
}

#[tokio::test]
async fn a_value_of_other_hands_is_damage_that_is_named() {
    let Some(backend) = backend() else { return };
    let database = database();
    let bytes = Value { value_type: Some(ValueType::BytesValue(vec![1])) };
    let document = FirestoreDocument {
        fields: std::collections::HashMap::from([("scan".to_owned(), bytes)]),
        ..FirestoreDocument::default()
    };
    let insert = other_client(&database).await;
    insert.fluent().insert().into("notes").document_id("n1").document(document).execute().await.unwrap();

    for error in [
        backend.get(&database, &[Key::new("notes", "n1")]).await.unwrap_err(),
        backend.query(&database, &Query::all("notes")).await.unwrap_err(),
    ] {
        let Error::Damaged { key, field, .. } = error else { panic!("{error:?}") };
        assert_eq!((key.to_string().as_str(), field.as_str()), ("notes/n1", "scan"));
    }
}

/// A condition alone neither changes a document nor the time of its last change, as Firestore itself has it.
#[tokio::test]
async fn a_verified_document_is_left_as_it_is() {
    let Some(backend) = backend() else { return };
    let database = database();
    let key = Key::new("notes", "n1");
    backend.commit(&database, &[put(&key, json!({"n": 1}))]).await.unwrap();
    let client = other_client(&database).await;
    let before = raw(&client, "notes", "n1").await.unwrap();
    let version = backend.get(&database, std::slice::from_ref(&key)).await.unwrap()[0].as_ref().unwrap().version;
    let absent = Write::Verify { key: Key::new("notes", "n2"), precondition: Precondition::Absent };
    let verify = Write::Verify { key, precondition: Precondition::At(version) };
    backend.commit(&database, &[verify, absent]).await.unwrap();
    assert_eq!(raw(&client, "notes", "n1").await.unwrap(), before);
    assert_eq!(raw(&client, "notes", "n2").await, None);
}
