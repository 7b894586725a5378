//! What a function gets in the place of a part that it does not say it needs: refusals that name the need. So a function
//! that would find no right in the cloud fails in its own tests.

use std::sync::Arc;

use access::token::Tokens;
use async_trait::async_trait;
use blobs::{Blob, BlobInfo, BlobName, Blobs, Content, SignedUrl, UrlFor};
use events::{Live, LiveError, Signal};
use kernel::Time;
use tokio::sync::broadcast;
use web::{Need, Needs};

/// Blobs, if `need` is among the needs.
pub(crate) fn blobs(needs: &Needs, need: Need, blobs: Option<Arc<dyn Blobs>>) -> Arc<dyn Blobs> {
    blobs.filter(|_| needs.contains(&need)).unwrap_or_else(|| Arc::new(Undeclared(need)))
}

/// Signals to sockets, if they are among the needs.
pub(crate) fn live(needs: &Needs, live: Arc<dyn Live>) -> Arc<dyn Live> {
    if needs.contains(&Need::Live) { live } else { Arc::new(Undeclared(Need::Live)) }
}

/// Tokens, which are signed too if that is among the needs.
pub(crate) fn tokens(needs: &Needs, tokens: Tokens) -> Tokens {
    if needs.contains(&Need::Signing) { tokens } else { tokens.without_signing() }
}

/// A part that no function of this process has declared.
#[derive(Debug)]
struct Undeclared(Need);

#[derive(Debug, thiserror::Error)]
#[error("no function of this process says that it needs \"{0}\": see web::Function::needs")]
struct NotDeclared(&'static str);

impl Undeclared {
    fn refusal(&self) -> Box<NotDeclared> {
        Box::new(NotDeclared(self.0.name()))
    }

    fn refuse<T>(&self, doing: &'static str, name: &BlobName) -> Result<T, blobs::Error> {
        Err(blobs::Error::Refused { doing, name: name.clone(), source: self.refusal() })
    }
}

#[async_trait]
impl Blobs for Undeclared {
    async fn put(&self, name: &BlobName, _: Content, _: &str, _: u64) -> Result<BlobInfo, blobs::Error> {
        self.refuse("store", name)
    }

    async fn put_new(&self, name: &BlobName, _: Content, _: &str, _: u64) -> Result<Option<BlobInfo>, blobs::Error> {
        self.refuse("store", name)
    }

    async fn get(&self, name: &BlobName) -> Result<Option<Blob>, blobs::Error> {
        self.refuse("open", name)
    }

    async fn head(&self, name: &BlobName) -> Result<Option<BlobInfo>, blobs::Error> {
        self.refuse("open", name)
    }

    async fn delete(&self, name: &BlobName) -> Result<(), blobs::Error> {
        self.refuse("delete", name)
    }

    async fn list(&self, _: &str, _: Option<&BlobName>, _: usize) -> Result<Vec<BlobName>, blobs::Error> {
        Err(blobs::Error::ListRefused(self.refusal()))
    }

    async fn signed_url(&self, name: &BlobName, _: &UrlFor, _: Time) -> Result<SignedUrl, blobs::Error> {
        self.refuse("share", name)
    }
}

#[async_trait]
impl Live for Undeclared {
    async fn publish(&self, _: Signal) -> Result<(), LiveError> {
        Err(LiveError(self.refusal()))
    }

    async fn subscribe(&self) -> Result<broadcast::Receiver<Signal>, LiveError> {
        Err(LiveError(self.refusal()))
    }

    async fn close(&self) {}
}
