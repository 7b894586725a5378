//! Bringing content into the bucket, whole or not at all.
//!
//! What fits into [`PIECE`] is collected, then sent in one request, with its SHA-256 beside it. Anything longer is sent
//! in pieces, of which one is held at a time; Cloud Storage makes the object of them when it has the last one and its
//! CRC32C is right. Until then there is none, and what was begun is forgotten after a week.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use blobs::{BlobName, Content, Error};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use google_cloud_gax::error::Error as GoogleError;
use google_cloud_gax::retry_policy::RetryPolicy;
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_storage::streaming_source::StreamingSource;
use tokio::sync::watch;

/// How much is sent at once, and how much of it is held in memory.
pub(crate) const PIECE: usize = 2 * 1024 * 1024;

/// Content that comes in, counted and hashed.
pub(crate) struct Incoming {
    name: BlobName,
    pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    most_bytes: u64,
    bytes: u64,
    hash: digest::Context,
}

/// Content whose first part has come in.
pub(crate) enum Begun {
    /// That was all of it.
    Small(Bytes, String),
    /// There is more.
    Large(Box<Source>, Arc<Progress>),
}

impl Incoming {
    pub(crate) fn new(name: &BlobName, content: Content, most_bytes: u64) -> Self {
        let (name, pieces, hash) = (name.clone(), content.into_stream(), digest::Context::new(&digest::SHA256));
        Self { name, pieces, most_bytes, bytes: 0, hash }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(piece) = self.pieces.next().await else { return Ok(None) };
        let piece = piece.map_err(|source| Error::ContentBrokeOff { name: self.name.clone(), source })?;
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.most_bytes {
            return Err(Error::TooLarge { name: self.name.clone(), most_bytes: self.most_bytes });
        }
        self.hash.update(&piece);
        Ok(Some(piece))
    }

    fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finish())
    }

    /// Takes content in until it ends or is more than one request should hold.
    pub(crate) async fn begin(mut self) -> Result<Begun, Error> {
        let mut first = VecDeque::new();
        while self.bytes <= PIECE as u64 {
            match self.next().await? {
                Some(piece) => first.push_back(piece),
                None => return Ok(Begun::Small(joined(first), self.sha256())),
            }
        }
        let progress = Arc::new(Progress::new());
        let source = Source { first, rest: Mutex::new(self), progress: Arc::clone(&progress) };
        Ok(Begun::Large(Box::new(source), progress))
    }
}

fn joined(mut pieces: VecDeque<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop_front().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    whole.freeze()
}

/// Content as Google's client takes it: an error ends the upload before its last piece, so nothing is stored.
pub(crate) struct Source {
    first: VecDeque<Bytes>,
    /// The lock is never taken: it only makes this shareable, as the client demands.
    rest: Mutex<Incoming>,
    progress: Arc<Progress>,
}

impl StreamingSource for Source {
    type Error = io::Error;

    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        self.progress.was_taken.store(true, Ordering::Relaxed);
        if let Some(piece) = self.first.pop_front() {
            self.progress.waits.send_replace(false);
            return Some(Ok(piece));
        }
        self.progress.waits.send_replace(true);
        let rest = self.rest.get_mut().unwrap_or_else(PoisonError::into_inner);
        let next = rest.next().await;
        self.progress.waits.send_replace(false);
        match next {
            Ok(Some(piece)) => Some(Ok(piece)),
            Ok(None) => {
                self.progress.end(Ok(rest.sha256()));
                None
            }
            Err(error) => {
                self.progress.end(Err(error));
                Some(Err(io::ErrorKind::UnexpectedEof.into()))
            }
        }
    }
}

/// How far an upload in pieces is.
pub(crate) struct Progress {
    was_taken: AtomicBool,
    /// Whether it waits for its caller's content, which may take as long as it likes.
    waits: watch::Sender<bool>,
    end: Mutex<Option<Result<String, Error>>>,
}

impl Progress {
    fn new() -> Self {
        Self { was_taken: AtomicBool::new(false), waits: watch::Sender::new(false), end: Mutex::new(None) }
    }

    fn end(&self, how: Result<String, Error>) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
    }

    /// How the content ended: its SHA-256, or what went wrong on its caller's side; `None` where it has not ended.
    pub(crate) fn taken_end(&self) -> Option<Result<String, Error>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns when Cloud Storage has taken nothing for so long, though there was something to take.
    pub(crate) async fn stalls_for(&self, longest: Duration) {
        let mut waits = self.waits.subscribe();
        loop {
            let waiting = *waits.borrow_and_update();
            let changed = tokio::time::timeout(longest, waits.changed()).await;
            if changed.is_err() && !waiting {
                return;
            }
        }
    }
}

/// Tries again to begin an upload, but not to go on with it.
///
/// Google's client (1.21) forgets the piece that was under way when a connection breaks, goes on with the next one and
/// then sends no checksum: it stores content with a hole, and only says afterwards that it is wrong.
pub(crate) struct OnlyToBegin<P> {
    pub(crate) policy: P,
    pub(crate) progress: Arc<Progress>,
}

impl<P> std::fmt::Debug for OnlyToBegin<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnlyToBegin")
    }
}

impl<P: RetryPolicy> RetryPolicy for OnlyToBegin<P> {
    fn on_error(&self, state: &RetryState, error: GoogleError) -> RetryResult {
        if self.progress.was_taken.load(Ordering::Relaxed) {
            return RetryResult::Permanent(error);
        }
        self.policy.on_error(state, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_cloud_storage_can_stall() {
        let progress = Progress::new();
        progress.stalls_for(Duration::from_millis(1)).await;
        progress.waits.send_replace(true);
        let stalled = tokio::time::timeout(Duration::from_millis(20), progress.stalls_for(Duration::from_millis(1)));
        assert!(stalled.await.is_err(), "a caller may take as long as it likes");
    }
}
