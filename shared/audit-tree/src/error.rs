/// Why the tree cannot be grown or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The document store failed.
    #[error("the audit tree's documents cannot be read or written")]
    Store(#[from] store::Error),
    /// The blob store failed.
    #[error("the audit checkpoints cannot be read or written")]
    Blobs(#[from] blobs::Error),
    /// A checkpoint could not be signed.
    #[error("an audit checkpoint could not be signed")]
    Signing(#[from] access::token::SigningFailed),
    /// A document of the tree is not what it was made as. Verifying names what is wrong.
    #[error("the audit tree is damaged at {document}: verify it")]
    Broken {
        /// Which document.
        document: String,
    },
    /// Where the next checkpoint belongs stands a file that does not continue the tree. Verifying names what is wrong.
    #[error("{name} is no checkpoint that continues the audit tree: verify it")]
    Foreign {
        /// The file.
        name: String,
    },
    /// Others went on sealing for as long as this one tried.
    #[error("others kept sealing the audit log")]
    Overtaken,
}

impl Error {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Blobs(error) => error.is_retryable(),
            Self::Overtaken => true,
            Self::Signing(_) | Self::Broken { .. } | Self::Foreign { .. } => false,
        }
    }
}
