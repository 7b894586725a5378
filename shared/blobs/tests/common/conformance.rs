//! What every backend has to do. Each function works on an empty store.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use blobs::{BlobInfo, BlobName, Blobs, Content, Error, UrlFor};
use bytes::Bytes;
use futures::stream;
use kernel::Clock;

const ANY_SIZE: u64 = u64::MAX;

fn name(text: &str) -> BlobName {
    text.parse().unwrap()
}

async fn text_of(blobs: &dyn Blobs, at: &str) -> Option<String> {
    let blob = blobs.get(&name(at)).await.unwrap()?;
    let whole = blob.content.read(1 << 20).await.unwrap();
    assert_eq!(whole.len() as u64, blob.info.bytes);
    Some(String::from_utf8(whole.to_vec()).unwrap())
}

pub async fn what_is_put_comes_back(blobs: &dyn Blobs, clock: &dyn Clock) {
    let at = name("clinic/files/f1");
    let stored = blobs.put(&at, "hello".into(), "text/plain; charset=utf-8", ANY_SIZE).await.unwrap();
    let expected = BlobInfo {
        content_type: "text/plain; charset=utf-8".to_owned(),
        bytes: 5,
        sha256: Some("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".to_owned()),
        stored_at: clock.now(),
    };
    assert_eq!(stored, expected);
    assert_eq!(blobs.head(&at).await.unwrap(), Some(expected.clone()));
    assert_eq!(blobs.get(&at).await.unwrap().unwrap().info, expected);
    assert_eq!(text_of(blobs, "clinic/files/f1").await.unwrap(), "hello");
    blobs.put(&at, Bytes::new().into(), "text/plain", 0).await.unwrap();
    assert_eq!(text_of(blobs, "clinic/files/f1").await.unwrap(), "");
}

pub async fn what_is_not_there_is_none(blobs: &dyn Blobs) {
    assert!(blobs.get(&name("a")).await.unwrap().is_none());
    assert!(blobs.head(&name("a")).await.unwrap().is_none());
    blobs.delete(&name("a")).await.unwrap();
}

pub async fn deleting_takes_one_blob_away(blobs: &dyn Blobs) {
    for at in ["a", "a/b", "A", "ab"] {
        blobs.put(&name(at), at.to_owned().into(), "text/plain", ANY_SIZE).await.unwrap();
    }
    blobs.delete(&name("a")).await.unwrap();
    assert_eq!(text_of(blobs, "a").await, None);
    for at in ["a/b", "A", "ab"] {
        assert_eq!(text_of(blobs, at).await.unwrap(), at);
    }
}

pub async fn what_is_there_stays_with_put_new(blobs: &dyn Blobs) {
    let at = name("clinic/audit/0");
    let stored = blobs.put_new(&at, "first".into(), "text/plain", ANY_SIZE).await.unwrap();
    assert_eq!(stored.map(|info| info.bytes), Some(5));
    assert_eq!(blobs.put_new(&at, "second".into(), "text/plain", ANY_SIZE).await.unwrap(), None);
    assert_eq!(text_of(blobs, "clinic/audit/0").await.unwrap(), "first");
    blobs.delete(&at).await.unwrap();
    assert!(blobs.put_new(&at, "third".into(), "text/plain", ANY_SIZE).await.unwrap().is_some());
    assert_eq!(text_of(blobs, "clinic/audit/0").await.unwrap(), "third");
}

pub async fn of_many_at_once_one_is_new(blobs: &dyn Blobs) {
    let at = name("one");
    let puts = (0..8).map(|n| blobs.put_new(&at, format!("{n}").into(), "text/plain", ANY_SIZE));
    let stored: Vec<bool> =
        futures::future::join_all(puts).await.into_iter().map(|put| put.unwrap().is_some()).collect();
    let winner = stored.iter().position(|stored| *stored).unwrap();
    assert_eq!(stored.iter().filter(|stored| **stored).count(), 1);
    assert_eq!(text_of(blobs, "one").await.unwrap(), winner.to_string());
}

pub async fn names_are_listed_in_pages(blobs: &dyn Blobs) {
    assert!(blobs.list("", None, 10).await.unwrap().is_empty());
    for at in ["clinic/b", "clinic/a", "clinic/a/c", "clinic2/a", "other"] {
        blobs.put(&name(at), at.to_owned().into(), "text/plain", ANY_SIZE).await.unwrap();
    }
    let listed = async |prefix: &str, after: Option<&str>, limit: usize| {
        let after = after.map(name);
        let names = blobs.list(prefix, after.as_ref(), limit).await.unwrap();
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(listed("", None, 9).await, ["clinic/a", "clinic/a/c", "clinic/b", "clinic2/a", "other"]);
    assert_eq!(listed("clinic/", None, 2).await, ["clinic/a", "clinic/a/c"]);
    assert_eq!(listed("clinic/", Some("clinic/a/c"), 2).await, ["clinic/b"]);
    assert!(listed("clinic/", Some("clinic/b"), 2).await.is_empty());
    assert!(listed("nobody/", None, 2).await.is_empty());
}

pub async fn large_content_streams(blobs: &dyn Blobs) {
    let piece = |n: u32| Bytes::from(n.to_be_bytes().repeat(2500));
    let pieces = Content::stream(stream::iter((0..100).map(move |n| Ok(piece(n)))));
    let info = blobs.put(&name("large"), pieces, "audio/wav", 1_000_000).await.unwrap();
    assert_eq!(info.bytes, 1_000_000);
    let whole = blobs.get(&name("large")).await.unwrap().unwrap().content.read(1_000_000).await.unwrap();
    assert!(whole.chunks(10_000).zip(0..).all(|(read, n)| read == piece(n)));
    let too_small = blobs.get(&name("large")).await.unwrap().unwrap().content.read(999_999).await;
    assert_eq!(too_small.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}

pub async fn a_failed_put_changes_nothing(blobs: &dyn Blobs) {
    let at = name("kept");
    blobs.put(&at, "before".into(), "text/plain", ANY_SIZE).await.unwrap();
    let too_large = blobs.put(&at, "after".into(), "text/plain", 4).await.unwrap_err();
    assert!(matches!(too_large, Error::TooLarge { most_bytes: 4, .. }), "{too_large}");
    let broken = [Ok(Bytes::from("aft")), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    let broke_off = blobs.put(&at, Content::stream(stream::iter(broken)), "text/plain", ANY_SIZE).await.unwrap_err();
    assert!(matches!(broke_off, Error::ContentBrokeOff { .. }), "{broke_off}");
    for bad in ["", "text", "/", "text/", "te xt/plain", "text/plain\r\nx: y", "text/é", &"a/".repeat(200)] {
        let refused = blobs.put(&at, "after".into(), bad, ANY_SIZE).await.unwrap_err();
        assert!(matches!(refused, Error::BadContentType { .. }), "{bad:?}: {refused}");
        assert!(!refused.is_retryable());
    }
    assert_eq!(text_of(blobs, "kept").await.unwrap(), "before");
}

pub async fn readers_see_one_whole_blob(blobs: Arc<dyn Blobs>) {
    let letters = ["a", "b", "c", "d"];
    let content = |letter: &str| letter.repeat(200_000);
    blobs.put(&name("x"), content("a").into(), "text/a", ANY_SIZE).await.unwrap();
    let open = blobs.get(&name("x")).await.unwrap().unwrap();
    let writers = letters.map(|letter| {
        let blobs = Arc::clone(&blobs);
        let (text, kind) = (content(letter), format!("text/{letter}"));
        tokio::spawn(async move { blobs.put(&name("x"), text.into(), &kind, ANY_SIZE).await.unwrap() })
    });
    for _ in 0..20 {
        let blob = blobs.get(&name("x")).await.unwrap().unwrap();
        let letter = blob.info.content_type.trim_start_matches("text/").to_owned();
        assert_eq!(blob.content.read(1 << 20).await.unwrap(), content(&letter));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(open.content.read(1 << 20).await.unwrap(), content("a"), "an open blob stays as it was");
}

pub async fn urls_expire_within_a_week(blobs: &dyn Blobs, clock: &dyn Clock) {
    let (at, now) = (name("a"), clock.now());
    let week = Duration::from_secs(7 * 24 * 3600);
    for expires_at in [now, now.minus(Duration::from_secs(1)), now.plus(week + Duration::from_secs(1))] {
        let refused = blobs.signed_url(&at, &UrlFor::Get, expires_at).await.unwrap_err();
        assert!(matches!(refused, Error::BadExpiry { .. }), "{refused}");
    }
    let get = blobs.signed_url(&at, &UrlFor::Get, now.plus(week)).await.unwrap();
    assert_eq!((get.method, get.headers.len()), ("GET", 0));
    assert!(!format!("{get:?}").contains("http"), "a URL is a secret");
    let put_of = |kind: &str| UrlFor::Put { content_type: kind.to_owned(), most_bytes: 10 };
    let put = blobs.signed_url(&at, &put_of("image/png"), now.plus(week)).await.unwrap();
    assert_eq!(put.method, "PUT");
    assert!(put.headers.contains(&("content-type", "image/png".to_owned())), "{:?}", put.headers);
    let refused = blobs.signed_url(&at, &put_of("png"), now.plus(week)).await.unwrap_err();
    assert!(matches!(refused, Error::BadContentType { .. }), "{refused}");
}
