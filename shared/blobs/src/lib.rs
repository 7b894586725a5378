//! Files: documents, pictures, recordings. A port, and a folder on one machine behind it.
//!
//! A blob has a [`BlobName`], a content type and a [`Content`], which streams. Clients up- and download by URLs that
//! [`Blobs::signed_url`] makes: whoever has one may do the one thing that it says until it expires, so it is made only
//! after the access decision, for a short time, and never logged. Names hold ids, never what somebody called a file.
//!
//! To add a backend: implement [`Blobs`], then run the functions of `tests/common/conformance.rs` on it.

mod checks;
mod content;
mod error;
mod folder;
mod name;
mod url;

use async_trait::async_trait;
use kernel::Time;
use serde::{Deserialize, Serialize};

pub use checks::{check_content_type, check_url};
pub use content::Content;
pub use error::Error;
pub use folder::FolderBlobs;
pub use name::{BlobName, InvalidBlobName};
pub use url::{Grant, LONGEST_URL_LIFETIME, SignedUrl, UrlError, UrlFor, UrlSigner};

/// What is known of a blob beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobInfo {
    /// Its content type.
    pub content_type: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits; `None` where the store did not see it come in, or
    /// only knew it after the content had gone.
    pub sha256: Option<String>,
    /// When it was stored.
    pub stored_at: Time,
}

/// A blob, open for reading. It stays as it was when it was opened, even if it is replaced meanwhile.
#[derive(Debug)]
pub struct Blob {
    /// What is known of it.
    pub info: BlobInfo,
    /// What is in it.
    pub content: Content,
}

/// A store of blobs. All methods are safe to call from many tasks at once.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores a blob, new or not, whole or not at all: when this returns, it is durable. Content of more than
    /// `most_bytes` is refused.
    async fn put(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<BlobInfo, Error>;

    /// Stores a blob whose name is new, as [`Blobs::put`] does; `None`, and nothing is changed, where there is a blob of
    /// this name already. Of several at once, one stores.
    async fn put_new(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<Option<BlobInfo>, Error>;

    /// Opens a blob.
    async fn get(&self, name: &BlobName) -> Result<Option<Blob>, Error>;

    /// What is known of a blob.
    async fn head(&self, name: &BlobName) -> Result<Option<BlobInfo>, Error>;

    /// Removes a blob, there or not.
    async fn delete(&self, name: &BlobName) -> Result<(), Error>;

    /// The names that begin with `prefix` and come after `after`, in the order of their bytes, at most `limit` of them.
    /// For upkeep: a folder has to look into every blob for it. A damaged blob has no name and is not listed.
    async fn list(&self, prefix: &str, after: Option<&BlobName>, limit: usize) -> Result<Vec<BlobName>, Error>;

    /// A URL by which anyone may do one thing with one blob until `expires_at`, to the second, at most
    /// [`LONGEST_URL_LIFETIME`] from now. Whoever uses it sends [`SignedUrl::headers`] as they are.
    async fn signed_url(&self, name: &BlobName, access: &UrlFor, expires_at: Time) -> Result<SignedUrl, Error>;
}
