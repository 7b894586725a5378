//! What every backend has to do, and what only this one has to.

use std::sync::Arc;

use blobs::{Blobs, Content};
use blobs_gcs::{GcsBlobs, GcsConfig};
use bytes::Bytes;
use futures::stream;

use crate::common::{HeldClock, Seeded, conformance};
use crate::server::Call;
use crate::{large, large_bytes, large_content, name, room};

macro_rules! conforms {
    ($($check:ident($($with:ident),*)),* $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let room = room().await;
            conformance::$check(room.blobs.as_ref() $(, room.$with.as_ref())*).await;
        }
    )*};
}

conforms! {
    what_is_put_comes_back(clock),
    what_is_not_there_is_none(),
    deleting_takes_one_blob_away(),
    large_content_streams(),
    what_is_there_stays_with_put_new(),
    of_many_at_once_one_is_new(),
    names_are_listed_in_pages(),
    a_failed_put_changes_nothing(),
    urls_expire_within_a_week(clock),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_one_whole_blob() {
    conformance::readers_see_one_whole_blob(room().await.blobs).await;
}

#[tokio::test]
async fn what_is_longer_than_a_piece_goes_in_pieces() {
    let room = room().await;
    let at = name("clinic/recordings/r1");
    let stored = room.blobs.put(&at, large_content(), "audio/wav", 5_000_000).await.unwrap();
    assert_eq!((stored.bytes, stored.content_type.as_str()), (5_000_000, "audio/wav"));
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &large_bytes());
    assert_eq!(stored.sha256, Some(hex::encode(hash)));
    assert_eq!((room.server.count(Call::Begin), room.server.count(Call::Piece)), (1, 3));
    let blob = room.blobs.get(&at).await.unwrap().unwrap();
    // The hash is known when all has been sent, too late to be kept with it.
    assert_eq!(blob.info, blobs::BlobInfo { sha256: None, ..stored });
    assert_eq!(blob.content.read(5_000_000).await.unwrap(), large_bytes());

    assert_eq!(room.blobs.put_new(&at, large_content(), "audio/wav", u64::MAX).await.unwrap(), None);
    assert!(room.blobs.put_new(&name("new"), large_content(), "audio/wav", u64::MAX).await.unwrap().is_some());
}

#[tokio::test]
async fn content_that_ends_with_a_piece_is_whole() {
    let room = room().await;
    for (at, bytes) in [("one", 2 << 20), ("one-more", (2 << 20) + 1), ("two", 4 << 20)] {
        let content = Bytes::from(vec![7; bytes]);
        let stored = room.blobs.put(&name(at), content.clone().into(), "a/b", bytes as u64).await.unwrap();
        assert_eq!(stored.bytes, bytes as u64, "{at}");
        let read = room.blobs.get(&name(at)).await.unwrap().unwrap().content.read(bytes).await.unwrap();
        assert!(read == content, "{at}");
    }
    assert_eq!(room.server.count(Call::Insert), 1, "a piece goes in one request");
}

#[tokio::test]
async fn large_content_that_fails_leaves_nothing() {
    let room = room().await;
    let at = name("kept");
    room.blobs.put(&at, "before".into(), "text/plain", 10).await.unwrap();
    let too_large = room.blobs.put(&at, large_content(), "text/plain", 4_999_999).await.unwrap_err();
    assert!(matches!(too_large, blobs::Error::TooLarge { most_bytes: 4_999_999, .. }), "{too_large}");
    let cut = std::iter::once(Err(std::io::ErrorKind::ConnectionReset.into()));
    let broken = Content::stream(stream::iter(large().map(Ok).chain(cut)));
    let broke_off = room.blobs.put(&at, broken, "text/plain", u64::MAX).await.unwrap_err();
    assert!(matches!(broke_off, blobs::Error::ContentBrokeOff { .. }), "{broke_off}");
    assert!(room.server.count(Call::Piece) >= 4, "both were under way");
    assert_eq!(crate::text_of(&room.blobs, "kept").await, "before");
}

#[tokio::test]
async fn nothing_is_asked_before_the_first_call() {
    let clock = HeldClock::new();
    let config = GcsConfig::new("files", Some("127.0.0.1:1".to_owned()));
    let blobs = GcsBlobs::new(config, clock, Seeded::new(1));
    assert_eq!(format!("{blobs:?}"), "GcsBlobs(files)");
    let shared: Arc<dyn Blobs> = Arc::new(blobs);
    assert!(shared.list("", None, 0).await.unwrap().is_empty());
    let error = shared.head(&name("a")).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(crate::chain(&error), "the blob store cannot look up a: the connection to Cloud Storage failed");
}
