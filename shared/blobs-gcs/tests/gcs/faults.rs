//! Failures that may pass, and what they leave behind.

use blobs::{Blobs, Content, Error};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};

use crate::server::{Call, Fault};
use crate::{chain, large, large_bytes, large_content, name, room, text_of};

#[tokio::test]
async fn what_fails_once_is_tried_again() {
    let room = room().await;
    let at = name("a");
    let busy = Fault::Status(503);
    let calls = [Call::Insert, Call::Begin, Call::Read, Call::Get, Call::Delete, Call::List];
    room.server.fails(&calls.map(|call| (call, busy)));
    room.blobs.put(&at, "hello".into(), "text/plain", 10).await.unwrap();
    room.blobs.put(&name("large"), large_content(), "text/plain", u64::MAX).await.unwrap();
    assert_eq!(text_of(&room.blobs, "a").await, "hello");
    assert_eq!(room.blobs.list("", None, 9).await.unwrap(), [at.clone(), name("large")]);
    room.blobs.delete(&at).await.unwrap();
    assert!(room.blobs.head(&at).await.unwrap().is_none());
    for call in [Call::Insert, Call::Begin, Call::Read, Call::Delete] {
        assert_eq!(room.server.count(call), 2, "{call:?}");
    }
}

#[tokio::test]
async fn what_keeps_failing_is_given_up() {
    let room = room().await;
    room.server.fails(&[(Call::Insert, Fault::Status(503)); 3]);
    let error = room.blobs.put(&name("a"), "hello".into(), "text/plain", 10).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(chain(&error), "the blob store cannot store a: Cloud Storage failed with 503");
    assert_eq!(room.server.count(Call::Insert), 3);
    assert!(room.server.bucket.names().is_empty());
}

#[tokio::test]
async fn a_connection_cut_inside_an_upload_leaves_nothing() {
    let room = room().await;
    room.server.fails(&[(Call::Insert, Fault::CutInside); 3]);
    let error = room.blobs.put(&name("a"), "hello".into(), "text/plain", 10).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(chain(&error), "the blob store cannot store a: the connection to Cloud Storage failed");
    assert!(room.server.bucket.names().is_empty());
}

#[tokio::test]
async fn an_upload_in_pieces_that_is_cut_leaves_nothing_and_no_hole() {
    for fault in [Fault::CutBefore, Fault::CutInside, Fault::CutAfter, Fault::Status(503)] {
        let room = room().await;
        room.server.fails(&[(Call::Piece, fault)]);
        let error = room.blobs.put(&name("a"), large_content(), "a/b", u64::MAX).await.unwrap_err();
        assert!(error.is_retryable(), "{fault:?}");
        chain(&error);
        assert_eq!(room.server.count(Call::Piece), 1, "{fault:?}: not gone on with");
        assert!(room.server.bucket.names().is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_make_a_new_blob_an_old_one() {
    let room = room().await;
    room.server.fails(&[(Call::Insert, Fault::CutAfter)]);
    let stored = room.blobs.put_new(&name("a"), "hello".into(), "text/plain", 10).await.unwrap();
    assert_eq!(stored.map(|info| info.bytes), Some(5));
    assert_eq!(room.server.count(Call::Insert), 2);
    room.server.fails(&[(Call::Insert, Fault::CutAfter)]);
    assert_eq!(room.blobs.put_new(&name("a"), "other".into(), "text/plain", 10).await.unwrap(), None);
    assert_eq!(text_of(&room.blobs, "a").await, "hello");
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    let room = room().await;
    let content = Bytes::from(large_bytes()).slice(..1_000_000);
    room.blobs.put(&name("a"), content.clone().into(), "a/b", u64::MAX).await.unwrap();
    room.server.fails(&[(Call::Read, Fault::CutInside)]);
    let read = room.blobs.get(&name("a")).await.unwrap().unwrap().content.read(1 << 20).await.unwrap();
    assert!(read == content);
    assert_eq!(room.server.count(Call::Read), 2);
}

#[tokio::test]
async fn a_download_never_mixes_two_blobs() {
    let room = room().await;
    let content = |letter: &str| letter.repeat(1_000_000);
    room.blobs.put(&name("a"), content("a").into(), "a/b", u64::MAX).await.unwrap();
    room.server.fails(&[(Call::Read, Fault::CutInside)]);
    let open = room.blobs.get(&name("a")).await.unwrap().unwrap();
    room.blobs.put(&name("a"), content("b").into(), "a/b", u64::MAX).await.unwrap();
    let error = open.content.read(1 << 20).await.unwrap_err();
    assert_eq!(error.to_string(), "Cloud Storage failed with 404", "the first one is gone");
    assert_eq!(text_of(&room.blobs, "a").await, content("b"));
}

#[tokio::test]
async fn an_upload_whose_caller_goes_away_leaves_nothing() {
    let room = room().await;
    let endless = Content::stream(stream::iter(large().map(Ok)).chain(stream::pending()));
    let at = name("a");
    let mut upload = Box::pin(room.blobs.put(&at, endless, "a/b", u64::MAX));
    while room.server.count(Call::Piece) < 2 {
        assert!((&mut upload).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(upload);
    assert!(room.blobs.head(&at).await.unwrap().is_none());
}

#[tokio::test]
async fn a_blob_that_is_replaced_while_it_is_opened_is_opened_anew() {
    let room = room().await;
    room.blobs.put(&name("a"), "hello".into(), "text/plain", 10).await.unwrap();
    room.server.fails(&[(Call::Read, Fault::Status(404))]);
    assert_eq!(text_of(&room.blobs, "a").await, "hello");
    room.server.fails(&[(Call::Read, Fault::Status(404)); 5]);
    let error = room.blobs.get(&name("a")).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}
