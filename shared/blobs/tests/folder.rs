//! Blobs in a folder.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blobs::{BlobName, Blobs, Content, Error, FolderBlobs, Grant, UrlError, UrlFor, UrlSigner};
use bytes::Bytes;
use common::{HeldClock, Seeded, conformance};
use futures::{FutureExt, StreamExt, stream};
use kernel::{Clock, Time};
use proptest::prelude::*;
use tempfile::TempDir;

struct Room {
    folder: TempDir,
    clock: Arc<HeldClock>,
    blobs: Arc<FolderBlobs>,
}

fn open(root: &Path, clock: &Arc<HeldClock>) -> FolderBlobs {
    FolderBlobs::new(root, signer(), clock.clone(), Seeded::new(1))
}

fn room() -> Room {
    let folder = tempfile::tempdir().unwrap();
    let clock = HeldClock::new();
    let blobs = Arc::new(open(&folder.path().join("blobs"), &clock));
    Room { folder, clock, blobs }
}

fn signer() -> UrlSigner {
    UrlSigner::new("http://127.0.0.1:8080/", &[7; 32])
}

fn name(text: &str) -> BlobName {
    text.parse().unwrap()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

macro_rules! conforms {
    ($($check:ident($($with:ident),*)),* $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let room = room();
            conformance::$check(room.blobs.as_ref() $(, room.$with.as_ref())*).await;
            assert!(files_below(&room.folder.path().join("blobs/incoming")).is_empty(), "nothing stays half done");
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
    conformance::readers_see_one_whole_blob(room().blobs).await;
}

#[tokio::test]
async fn files_are_their_owners_and_stay_over_a_restart() {
    let Room { folder, clock, blobs } = room();
    blobs.put(&name("clinic/a"), "hello".into(), "text/plain", 10).await.unwrap();
    let files = files_below(folder.path());
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.path().join("blobs").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    drop(blobs);

    let root = folder.path().join("blobs");
    let come_in = |name: String| std::fs::write(root.join("incoming").join(name), "half a file").unwrap();
    let (now, day) = (clock.now().as_millis(), 24 * 3600 * 1000);
    come_in("left-by-a-crash".to_owned());
    come_in(format!("{}-left-by-a-crash", now - day - 1));
    come_in(format!("{now}-of-another-process"));
    let again = open(&root, &clock);
    again.put(&name("clinic/b"), "hello".into(), "text/plain", 10).await.unwrap();
    assert_eq!(files_below(&root.join("incoming")), [root.join(format!("incoming/{now}-of-another-process"))]);
    let content = again.get(&name("clinic/a")).await.unwrap().unwrap().content;
    assert_eq!(content.read(10).await.unwrap(), "hello");
}

#[tokio::test]
async fn an_upload_whose_caller_goes_away_leaves_nothing() {
    let Room { folder, blobs, .. } = room();
    let incoming = folder.path().join("blobs/incoming");
    let endless = Content::stream(stream::once(async { Ok(Bytes::from("first")) }).chain(stream::pending()));
    let mut upload = Box::pin({
        let blobs = Arc::clone(&blobs);
        async move { blobs.put(&name("a"), endless, "text/plain", 10).await }
    });
    while files_below(&incoming).is_empty() {
        assert!((&mut upload).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(upload);
    assert!(files_below(&incoming).is_empty());
    assert!(blobs.head(&name("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn damaged_files_are_named() {
    let Room { folder, blobs, .. } = room();
    let at = name("clinic/a");
    blobs.put(&at, "hello".into(), "text/plain", 10).await.unwrap();
    let path = files_below(folder.path()).remove(0);
    let whole = std::fs::read(&path).unwrap();
    let mut swapped = whole.clone();
    swapped.splice(..1, []);
    let mut other_name = whole.clone();
    let at_name = whole.windows(8).position(|bytes| bytes == b"clinic/a").unwrap();
    other_name[at_name + 7] = b'b';
    for damaged in [&[][..], b"hello", &whole[..whole.len() - 1], &swapped, &other_name, &[0xff; 40]] {
        std::fs::write(&path, damaged).unwrap();
        let error = blobs.get(&at).await.unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert_eq!(error.to_string(), "stored blob clinic/a is damaged");
        assert!(!blobs.list("", None, 9).await.unwrap().contains(&at));
    }
    std::fs::write(&path, &whole).unwrap();
    assert!(blobs.get(&at).await.unwrap().is_some());
}

/// The parts of a URL that [`UrlSigner::verify`] takes.
fn parts(url: &str) -> (&str, &str) {
    url.strip_prefix("http://127.0.0.1:8080/blobs/").unwrap().split_once('?').unwrap()
}

#[tokio::test]
async fn a_url_does_what_it_was_made_for() {
    let Room { clock, blobs, .. } = room();
    let at = name("clinic/files/f1");
    let expires_at = clock.now().plus(Duration::from_secs(60));
    let put_access = UrlFor::Put { content_type: "text/plain; charset=\"utf-8\"&x".to_owned(), most_bytes: 9 };
    let get = blobs.signed_url(&at, &UrlFor::Get, expires_at).await.unwrap().url;
    let put = blobs.signed_url(&at, &put_access, expires_at).await.unwrap().url;
    let verify = |method: &str, url: &str| {
        let (name, query) = parts(url);
        blobs.urls().verify(method, name, query, clock.now())
    };
    let grant = |access: &UrlFor| Ok(Grant { name: at.clone(), access: access.clone() });
    assert_eq!(verify("GET", &get), grant(&UrlFor::Get));
    assert_eq!(verify("HEAD", &get), grant(&UrlFor::Get));
    assert_eq!(verify("PUT", &put), grant(&put_access));
    assert_eq!(verify("PUT", &get), Err(UrlError::BadSignature));
    assert_eq!(verify("GET", &put), Err(UrlError::BadSignature));
    assert_eq!(verify("DELETE", &get), Err(UrlError::Malformed));
    clock.advance_secs(59);
    assert_eq!(verify("GET", &get), grant(&UrlFor::Get));
    clock.advance_secs(1);
    assert_eq!(verify("GET", &get), Err(UrlError::Expired));
}

#[test]
fn an_altered_url_is_refused() {
    let (now, later) = (Time::from_millis(0), Time::from_millis(60_000));
    let put = UrlFor::Put { content_type: "image/png".to_owned(), most_bytes: 100 };
    let get_url = signer().sign(&name("a/b"), &UrlFor::Get, later).url;
    let put_url = signer().sign(&name("a/b"), &put, later).url;
    let refused = |method: &str, url: &str, why: UrlError| {
        let (name, query) = parts(url);
        assert_eq!(signer().verify(method, name, query, now), Err(why), "{url}");
    };
    refused("GET", &get_url.replace("/a/b", "/a/c"), UrlError::BadSignature);
    refused("GET", &get_url.replace("expires=60", "expires=61"), UrlError::BadSignature);
    refused("PUT", &put_url.replace("max=100", "max=101"), UrlError::BadSignature);
    refused("PUT", &put_url.replace("png", "svg"), UrlError::BadSignature);
    refused("GET", &get_url.replace("/a/b", "/a/../b"), UrlError::Malformed);
    refused("GET", &format!("{get_url}&expires=99"), UrlError::Malformed);
    refused("GET", &format!("{get_url}&more=1"), UrlError::Malformed);
    refused("GET", &get_url.replace("signature=", "signature=*"), UrlError::Malformed);
    refused("GET", &get_url.replace("expires=60&", ""), UrlError::Malformed);
    let (at, query) = parts(&get_url);
    let other_key = UrlSigner::new("http://127.0.0.1:8080", &[8; 32]);
    assert_eq!(other_key.verify("GET", at, query, now), Err(UrlError::BadSignature));
    let derived = |secret: &[u8]| UrlSigner::derived("", secret);
    let path = derived(b"one").sign(&name("a/b"), &UrlFor::Get, later).url;
    let (at, query) = path.strip_prefix("/blobs/").unwrap().split_once('?').unwrap();
    assert!(derived(b"one").verify("GET", at, query, now).is_ok());
    assert_eq!(derived(b"two").verify("GET", at, query, now), Err(UrlError::BadSignature));
}

proptest! {
    #[test]
    fn any_request_is_refused_without_panic(method in "GET|PUT|.{0,5}", at in "[a/.]{0,8}|.{0,20}", query in ".{0,60}") {
        prop_assert!(signer().verify(&method, &at, &query, Time::from_millis(0)).is_err());
    }

    #[test]
    fn any_bit_of_the_signature_counts(at_byte in 0_usize..43, bit in 0_u8..7) {
        let url = signer().sign(&name("a"), &UrlFor::Get, Time::from_millis(60_000)).url;
        let (head, signature) = url.split_once("signature=").unwrap();
        let mut bytes = signature.as_bytes().to_vec();
        bytes[at_byte] ^= 1 << bit;
        // Put into a query string as it is: it may then mean something else, but never what was signed.
        let changed = format!("{head}signature={}", String::from_utf8(bytes).unwrap());
        let (at, query) = parts(&changed);
        prop_assert!(signer().verify("GET", at, query, Time::from_millis(0)).is_err());
    }
}
