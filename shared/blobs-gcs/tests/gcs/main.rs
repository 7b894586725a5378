//! Blobs in a bucket that a local server keeps.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(unreachable_pub, reason = "the tests take what they need from the server's modules")]

#[path = "../../../blobs/tests/common/mod.rs"]
mod common;
mod conformance;
mod faults;
mod refusals;
mod server;
mod urls;

use std::error::Error as _;
use std::sync::Arc;

use blobs::{BlobName, Blobs, Content, Error};
use blobs_gcs::{GcsBlobs, GcsConfig};
use bytes::Bytes;
use common::{HeldClock, Seeded};
use futures::stream;
use server::Server;

/// More than one request holds.
const MANY_PIECES: u32 = 100;

struct Room {
    server: Arc<Server>,
    clock: Arc<HeldClock>,
    blobs: Arc<GcsBlobs>,
}

async fn room() -> Room {
    let clock = HeldClock::new();
    let server = Server::start(clock.clone()).await;
    let config = GcsConfig::new("files", Some(server.address.to_string()));
    let blobs = Arc::new(GcsBlobs::new(config, clock.clone(), Seeded::new(1)));
    Room { server, clock, blobs }
}

fn name(text: &str) -> BlobName {
    text.parse().unwrap()
}

/// 5,000,000 bytes: two full pieces and a part of one.
fn large() -> impl Iterator<Item = Bytes> + Send + 'static {
    (0..MANY_PIECES).map(|n| Bytes::from(n.to_be_bytes().repeat(12_500)))
}

fn large_bytes() -> Vec<u8> {
    large().collect::<Vec<_>>().concat()
}

fn large_content() -> Content {
    Content::stream(stream::iter(large().map(Ok)))
}

async fn text_of(blobs: &GcsBlobs, at: &str) -> String {
    let blob = blobs.get(&name(at)).await.unwrap().unwrap();
    String::from_utf8(blob.content.read(1 << 24).await.unwrap().to_vec()).unwrap()
}

/// What an error and its causes say, which must not be more than they may.
fn chain(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        said = format!("{said}: {why}");
        cause = why.source();
    }
    for secret in ["http", "upload_id", "hello", "127.0.0.1"] {
        assert!(!said.contains(secret) && !format!("{error:?}").contains(secret), "{error:?}");
    }
    said
}
