/// Why the vault could not do something. None of these holds any of what was sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such data key, or it was destroyed: what it sealed cannot be read any more.
    #[error("there is no data key {key_id}")]
    KeyMissing {
        /// The key's id.
        key_id: String,
    },
    /// The store failed.
    #[error("the store failed on a data key")]
    Store(#[from] store::Error),
    /// The key service does not answer, or not now. Trying again later may help.
    #[error("the key service is not available for data key {key_id}")]
    KeyServiceUnavailable {
        /// The data key's id.
        key_id: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key service refuses for a reason that trying again will not change.
    #[error("the key service refused data key {key_id}")]
    KeyServiceRefused {
        /// The data key's id.
        key_id: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data key was wrapped by a key that is not here: restore it to the key file, or use the right one.
    #[error("data key {key_id} was wrapped by \"{wrapped_by}\", which is not among the keys at hand")]
    UnknownWrappingKey {
        /// The data key's id.
        key_id: String,
        /// Which key wrapped it.
        wrapped_by: String,
    },
    /// The stored data key was altered, or belongs to another tenant or subject.
    #[error("stored data key {key_id} is damaged or belongs elsewhere")]
    DamagedKey {
        /// The data key's id.
        key_id: String,
    },
    /// The sealed text was altered, stands in another place than it was sealed for, or is under another key.
    #[error("{collection}/{id} \"{field}\" does not open: it was altered, moved, or sealed under another key")]
    Damaged {
        /// The collection.
        collection: String,
        /// The document.
        id: String,
        /// The field.
        field: String,
    },
    /// The sealed text is of a version that this program does not know.
    #[error("{collection}/{id} \"{field}\" is sealed in a form that this version does not know")]
    UnknownForm {
        /// The collection.
        collection: String,
        /// The document.
        id: String,
        /// The field.
        field: String,
    },
    /// The value is not of the type asked for, or cannot be JSON. What is wrong with it would tell its content.
    #[error("{collection}/{id} \"{field}\" is not of the expected type")]
    WrongType {
        /// The collection.
        collection: String,
        /// The document.
        id: String,
        /// The field.
        field: String,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::KeyServiceUnavailable { .. } => true,
            _ => false,
        }
    }
}
