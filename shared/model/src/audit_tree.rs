//! Where the Merkle tree over the audit log stands: its head, its tiles and its batches. Everything here can be computed
//! again from the checkpoints in the blob store, and is checked against them; it is here so that a proof needs few reads.

use kernel::Time;
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

/// How many hashes a full tile holds.
pub const TILE: usize = 256;

/// How far the tree reaches. There is one, which only the sealing job writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeHead {
    /// How many entries are in the tree.
    pub size: u64,
    /// Its root, in hexadecimal digits.
    pub root: String,
    /// The last checkpoint, signed: a compact JWS.
    pub checkpoint: String,
    /// Up to which time entries were taken in, the late ones aside.
    pub until: Time,
    /// Up to which time late entries were looked for; `None` until the log was read up to the present for the first time.
    pub swept_until: Option<Time>,
}

/// The one head.
pub const TREE_HEADS: Collection<TreeHead> = Collection::top("audit-heads", &[]);
/// Its id.
pub const HEAD: &str = "head";

/// Up to [`TILE`] hashes that stand side by side in the tree, 8 levels apart from the next tiles. As texts, so that no
/// store makes an index entry of each hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    /// The hashes, in hexadecimal digits, one behind the other.
    pub hashes: String,
    /// On the lowest level: the ids of the entries, with a space between; else empty.
    pub ids: String,
}

/// The tiles, by [`tile_id`]. A full one never changes again.
pub const TILES: Collection<Tile> = Collection::top("audit-tiles", &[]);

/// The id of tile `index` of a level; level 0 is that of the entries.
pub fn tile_id(level: u32, index: u64) -> String {
    format!("{level}-{index:012}")
}

/// What one checkpoint added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// The number of its first entry.
    pub from: u64,
    /// The size of the tree with it.
    pub size: u64,
    /// Up to which time the log was read for it.
    pub until: Time,
    /// Whether it holds entries that came after their time was read.
    pub late: bool,
}

/// The batches, by [`batch_id`].
pub const BATCHES: Collection<Batch> = Collection::top("audit-batches", BATCH_INDEXES);

/// Finds the batch of an entry by its time.
pub const BATCH_INDEXES: &[Index] = &[&[IndexField::Ascending("late"), IndexField::Ascending("until")]];

/// The id of the batch that begins with this entry, and the name of its checkpoint. As text it sorts as the number does.
pub fn batch_id(from: u64) -> String {
    format!("{from:012}")
}
