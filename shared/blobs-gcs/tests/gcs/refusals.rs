//! What Cloud Storage refuses, now and later.

use blobs::{Blobs, Error};

use crate::server::{Call, Rule};
use crate::{chain, large_content, name, room, text_of};

#[tokio::test]
async fn a_missing_permission_is_named() {
    let room = room().await;
    let at = name("a");
    room.blobs.put(&at, "hello".into(), "text/plain", 10).await.unwrap();
    room.server.bucket.rule(Rule::Denied);
    let may_not = |verb: &str, permission: &str| {
        format!(
            "the blob store refuses to {verb} a: the service account may not do this in bucket files; it needs {permission}"
        )
    };
    let create = "storage.objects.create, and storage.objects.delete where it replaces an object";
    let errors = [
        (room.blobs.put(&at, "hello".into(), "a/b", 10).await.unwrap_err(), may_not("store", create)),
        (room.blobs.put(&at, large_content(), "a/b", u64::MAX).await.unwrap_err(), may_not("store", create)),
        (room.blobs.put_new(&at, "hello".into(), "a/b", 10).await.unwrap_err(), may_not("store", create)),
        (room.blobs.get(&at).await.unwrap_err(), may_not("open", "storage.objects.get")),
        (room.blobs.head(&at).await.unwrap_err(), may_not("look up", "storage.objects.get")),
        (room.blobs.delete(&at).await.unwrap_err(), may_not("delete", "storage.objects.delete")),
    ];
    for (error, expected) in errors {
        assert!(matches!(error, Error::Refused { .. }) && !error.is_retryable(), "{error}");
        assert_eq!(chain(&error), expected);
    }
    assert_eq!(room.server.count(Call::Insert), 3, "no second attempts");
    let error = room.blobs.list("", None, 9).await.unwrap_err();
    assert!(matches!(error, Error::ListRefused(_)) && !error.is_retryable(), "{error}");
    assert!(chain(&error).ends_with("it needs storage.objects.list"), "{error}");
}

#[tokio::test]
async fn what_has_to_be_kept_is_kept() {
    let room = room().await;
    let at = name("clinic/audit/0");
    room.blobs.put_new(&at, "first".into(), "text/plain", 10).await.unwrap().unwrap();
    room.server.bucket.rule(Rule::Retained);
    let kept = "bucket files has to keep the object as it is: its retention time is not over, or it is on hold";
    for (error, verb) in [
        (room.blobs.delete(&at).await.unwrap_err(), "delete"),
        (room.blobs.put(&at, "second".into(), "text/plain", 10).await.unwrap_err(), "store"),
        (room.blobs.put(&at, large_content(), "text/plain", u64::MAX).await.unwrap_err(), "store"),
    ] {
        assert!(!error.is_retryable());
        assert_eq!(chain(&error), format!("the blob store refuses to {verb} clinic/audit/0: {kept}"));
    }
    assert_eq!(room.blobs.put_new(&at, "second".into(), "text/plain", 10).await.unwrap(), None);
    assert!(room.blobs.put_new(&name("clinic/audit/1"), "next".into(), "text/plain", 10).await.unwrap().is_some());
    assert_eq!(text_of(&room.blobs, "clinic/audit/0").await, "first");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_missing_blob() {
    let room = room().await;
    let at = name("a");
    room.server.bucket.rule(Rule::Gone);
    for error in [
        room.blobs.put(&at, "hello".into(), "a/b", 10).await.unwrap_err(),
        room.blobs.get(&at).await.unwrap_err(),
        room.blobs.head(&at).await.unwrap_err(),
        room.blobs.delete(&at).await.unwrap_err(),
        room.blobs.list("", None, 9).await.unwrap_err(),
    ] {
        assert!(!error.is_retryable());
        assert!(
            chain(&error).ends_with(": bucket files does not exist; look at the variable that names it"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_others_have_put_there_is_not_listed() {
    let room = room().await;
    for foreign in ["a folder/", "b/", "ü"] {
        room.server.bucket.store(foreign, None, &serde_json::Value::Null, "x".into()).unwrap();
    }
    for ours in ["a", "b/c", "z"] {
        room.blobs.put(&name(ours), "x".into(), "a/b", 1).await.unwrap();
    }
    assert_eq!(room.blobs.list("", None, 2).await.unwrap(), [name("a"), name("b/c")]);
    assert_eq!(room.blobs.list("", Some(&name("b/c")), 2).await.unwrap(), [name("z")]);
}
