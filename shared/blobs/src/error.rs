use crate::BlobName;

/// Why a blob could not be stored, read or shared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The content is longer than its caller allows.
    #[error("the content for {name} has more than {most_bytes} bytes")]
    TooLarge {
        /// The blob.
        name: BlobName,
        /// What was allowed.
        most_bytes: u64,
    },
    /// The content type is none.
    #[error("the content type for {name} is not like \"image/png\"")]
    BadContentType {
        /// The blob.
        name: BlobName,
    },
    /// The URL would expire in the past, or more than a week from now.
    #[error("a signed URL for {name} has to expire between now and a week from now")]
    BadExpiry {
        /// The blob.
        name: BlobName,
    },
    /// The content could not be read from where it comes: the caller's side, not the store's.
    #[error("the content for {name} broke off")]
    ContentBrokeOff {
        /// The blob.
        name: BlobName,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The stored blob is not what this program writes.
    #[error("stored blob {name} is damaged")]
    Damaged {
        /// The blob.
        name: BlobName,
    },
    /// The blobs cannot be listed now. Trying again later may help.
    #[error("the blob store cannot list its blobs")]
    CannotList(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store will not list the blobs, now or later: somebody has to give this program the permission.
    #[error("the blob store refuses to list its blobs")]
    ListRefused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store will not do it, now or later: a permission is missing, or the blob has to be kept.
    #[error("the blob store refuses to {doing} {name}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// The blob.
        name: BlobName,
        /// Why it refuses.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store cannot do it now: the disk is full, the service does not answer. Trying again later may help.
    #[error("the blob store cannot {doing} {name}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// The blob.
        name: BlobName,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::CannotList(_))
    }
}
