use std::fmt;

use async_trait::async_trait;
use kernel::{TenantId, Time};
use serde_json::{Map, Value};

use crate::{Error, Query};

/// A document's fields. Any JSON value may stand below a field and comes back as it was: nulls, empty arrays and maps,
/// arrays in arrays, integers of 64 bits with and without sign, floats to the bit, any text.
pub type Fields = Map<String, Value>;

/// Which database holds a tenant's documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// The tenant.
    pub tenant: TenantId,
    /// The cloud project; unused on one machine.
    pub project: String,
    /// The database in the project, or the file on one machine.
    pub name: String,
    /// Put before every collection's name, where small tenants share a database; empty where not.
    pub prefix: String,
}

/// Where a document is: a collection's path and an id in it.
///
/// A path is `collection` or `collection/id/collection`, as `chats` or `chats/4b0c/messages`. Collection names are made
/// of lower-case letters and `-`; ids hold no `/` and no NUL, are not empty, `.`, `..` or `__x__`, and have at most 400
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The collection's path.
    pub collection: String,
    /// The id in the collection.
    pub id: String,
}

impl Key {
    /// A key of its two parts.
    pub fn new(collection: impl Into<String>, id: impl Into<String>) -> Self {
        Self { collection: collection.into(), id: id.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection, self.id)
    }
}

/// A state of a document. It changes with every write to the document and never comes back, not even when the document
/// is deleted and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub i64);

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it is.
    pub key: Key,
    /// What it says.
    pub fields: Fields,
    /// Which state this is.
    pub version: Version,
}

/// What has to hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// There is no such document.
    Absent,
    /// The document is in this state.
    At(Version),
}

/// One part of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Writes the whole document.
    Put {
        /// Where.
        key: Key,
        /// What.
        fields: Fields,
        /// When the document may be removed by the store itself, if ever. It may stay readable for a day longer.
        expire_at: Option<Time>,
        /// On which condition.
        precondition: Precondition,
    },
    /// Removes the document. Removing what is not there is no error.
    Delete {
        /// Where.
        key: Key,
        /// On which condition.
        precondition: Precondition,
    },
    /// Writes nothing, but lets the commit fail where the condition does not hold.
    Verify {
        /// Where.
        key: Key,
        /// On which condition; never [`Precondition::None`].
        precondition: Precondition,
    },
}

impl Write {
    /// The document that this is about.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Verify { key, .. } => key,
        }
    }
}

/// Why a commit did not happen. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold, or the store gave way to another commit.
    #[error("a document changed meanwhile")]
    Conflict {
        /// Whose condition failed; `None` where the store does not say.
        key: Option<Key>,
    },
    /// Anything else.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A document store. All methods are safe to call from many tasks at once.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The documents with these keys, in their order; `None` for each that is not there. One round trip.
    async fn get(&self, database: &Database, keys: &[Key]) -> Result<Vec<Option<Document>>, Error>;

    /// The documents that answer a query, in its order.
    async fn query(&self, database: &Database, query: &Query) -> Result<Vec<Document>, Error>;

    /// How many documents answer a query, its cursor and limit left aside.
    async fn count(&self, database: &Database, query: &Query) -> Result<u64, Error>;

    /// Does all of these writes or none. At most 400 writes, each key at most once.
    async fn commit(&self, database: &Database, writes: &[Write]) -> Result<(), CommitError>;

    /// Whether the store answers. For `/health/ready`.
    async fn check(&self, database: &Database) -> Result<(), Error>;

    /// Removes documents that expired before `now`, a bounded number of them, and says how many. A backend whose
    /// service does this by itself answers 0.
    async fn purge_expired(&self, database: &Database, now: Time) -> Result<u64, Error>;

    /// Removes from the disk what overwritten and deleted documents left behind, where this backend owns the disk: after
    /// keys were destroyed. A backend whose service does this in its own time does nothing.
    async fn scrub(&self, _: &Database) -> Result<(), Error> {
        Ok(())
    }

    /// Ends what the backend does in the background, at shutdown. Commits that were acknowledged are safe without it.
    async fn close(&self) {}
}
