use crate::Key;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A document that had to be new is there already.
    #[error("{key} exists already")]
    AlreadyExists {
        /// The document.
        key: Key,
    },
    /// Others kept changing the same documents; trying again later will help.
    #[error("transaction \"{transaction}\" gave up after {attempts} attempts: others kept changing its documents")]
    Contention {
        /// The transaction's name.
        transaction: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
    /// A stored document is not what its type says. Its content is personal data, so the reason quotes none of it.
    #[error("stored document {key} is damaged at \"{field}\": {reason}")]
    Damaged {
        /// The document.
        key: Key,
        /// The field, as a path.
        field: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value that is to be stored is no JSON object.
    #[error("a value for {collection} cannot be stored")]
    Unstorable {
        /// The collection.
        collection: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A document is larger than the store takes (1 MiB), or a commit has too many writes.
    #[error("too large for the store: {what}")]
    TooLarge {
        /// What is too large.
        what: String,
    },
    /// The query needs a composite index that its collection does not declare: a mistake in the program.
    #[error("a query of {collection} needs an index on {fields} which the collection does not declare")]
    IndexNotDeclared {
        /// The collection.
        collection: String,
        /// The index's fields.
        fields: String,
    },
    /// A document that may be removed after a time, in a collection that does not declare that: the store's service would
    /// keep it for good. A mistake in the program.
    #[error("{collection} gets a document that expires, and does not declare that its documents do")]
    ExpiryNotDeclared {
        /// The collection.
        collection: String,
    },
    /// A name or id that can be in no path: a mistake in the program.
    #[error("{what} cannot be part of a document's path")]
    BadPath {
        /// What.
        what: String,
    },
    /// The transaction read a document after writing it, which it must not: a mistake in the program.
    #[error("transaction \"{transaction}\" reads {key} after writing it")]
    ReadAfterWrite {
        /// The transaction's name.
        transaction: &'static str,
        /// The document.
        key: Key,
    },
    /// The store does not answer, or not now. Trying again later may help.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store refuses for a reason that trying again will not change.
    #[error("the store refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Contention { .. } | Self::Unavailable(_))
    }
}
