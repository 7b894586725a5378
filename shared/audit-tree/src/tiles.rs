//! The tree in tiles: how it grows, and how its nodes are found again with few reads.
//!
//! A tile of level `l` holds up to 256 hashes of nodes that are `8 * l` levels above the entries. A full tile is the
//! perfect tree of height 8 over its hashes, and its root is one hash in a tile of the next level.

use std::collections::BTreeMap;

use model::audit_tree::{TILE, TILES, Tile, tile_id};
use store::{Doc, Store};

use crate::Error;
use crate::merkle::{Hash, Node, Span, empty_root, node_hash, perfect_root, span_root};

/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u32 = 8;

/// A tile that is being filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Filling {
    index: u64,
    hashes: Vec<Hash>,
    /// On the lowest level.
    ids: Vec<String>,
}

impl Filling {
    fn document(&self) -> Tile {
        Tile { hashes: self.hashes.iter().map(hex::encode).collect(), ids: self.ids.join(" ") }
    }
}

/// The right edge of a tree: the tile of each level that is being filled. It is all that a tree needs to grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Filling>,
}

impl Edge {
    /// The edge of the tree of this size, from its tiles.
    pub(crate) async fn load(store: &Store, size: u64) -> Result<Self, Error> {
        let mut levels = Vec::new();
        let mut counts = Vec::new();
        let mut count = size;
        while count > 0 {
            levels.push(Filling { index: count / TILE as u64, ..Filling::default() });
            counts.push((count % TILE as u64) as usize);
            count >>= TILE_HEIGHT;
        }
        let ids: Vec<String> = (0..).zip(&levels).map(|(level, tile)| tile_id(level, tile.index)).collect();
        let tiles = store.get_many(&TILES, &ids).await?;
        for (level, ((filling, wanted), tile)) in levels.iter_mut().zip(counts).zip(tiles).enumerate() {
            if wanted == 0 {
                continue;
            }
            let broken = || Error::Broken { document: format!("{}/{}", TILES.path(), ids[level]) };
            let tile = tile.ok_or_else(broken)?.value;
            filling.hashes = hashes(&tile).filter(|hashes| hashes.len() >= wanted).ok_or_else(broken)?;
            filling.hashes.truncate(wanted);
            if level == 0 {
                filling.ids = tile.ids.split(' ').take(wanted).map(str::to_owned).collect();
            }
        }
        Ok(Self { size, levels })
    }

    /// How many entries the tree has.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    pub(crate) fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for filling in &self.levels {
            let whole = Span { from: 0, to: filling.hashes.len() as u64 };
            let parts: Vec<Hash> =
                whole.nodes().into_iter().map(|node| perfect_root(&filling.hashes[range(node)])).collect();
            root =
                parts.iter().rev().fold(root, |right, left| Some(right.map_or(*left, |right| node_hash(left, &right))));
        }
        root.unwrap_or_else(empty_root)
    }

    /// Adds an entry. The tiles that it fills go to `full`, by id.
    pub(crate) fn push(&mut self, id: &str, hash: Hash, full: &mut BTreeMap<String, Tile>) {
        self.size += 1;
        let mut carried = Some(hash);
        let mut level = 0;
        while let Some(hash) = carried.take() {
            if self.levels.len() == level {
                self.levels.push(Filling::default());
            }
            let filling = &mut self.levels[level];
            filling.hashes.push(hash);
            if level == 0 {
                filling.ids.push(id.to_owned());
            }
            if filling.hashes.len() == TILE {
                // A level of tiles is numbered from 0, and there are at most 8 of them.
                full.insert(tile_id(level as u32, filling.index), filling.document());
                carried = Some(perfect_root(&filling.hashes));
                *filling = Filling { index: filling.index + 1, ..Filling::default() };
            }
            level += 1;
        }
    }

    /// The tiles that are not full, by id.
    pub(crate) fn partial(&self) -> BTreeMap<String, Tile> {
        let filled = (0..).zip(&self.levels).filter(|(_, filling)| !filling.hashes.is_empty());
        filled.map(|(level, filling)| (tile_id(level, filling.index), filling.document())).collect()
    }
}

/// Finds nodes in tiles, each of which it reads once.
pub(crate) struct Tiles<'a> {
    store: &'a Store,
    read: BTreeMap<String, Vec<Hash>>,
}

impl<'a> Tiles<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store, read: BTreeMap::new() }
    }

    /// The roots of these parts of the tree. All tiles come in one round trip.
    pub(crate) async fn roots(&mut self, spans: &[Span]) -> Result<Vec<Hash>, Error> {
        let nodes = spans.iter().flat_map(|span| span.nodes());
        let mut wanted: Vec<String> = nodes.map(|node| place(node).0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|id| !self.read.contains_key(id));
        let found = self.store.get_many(&TILES, &wanted).await?;
        for (id, tile) in wanted.into_iter().zip(found) {
            let hashes = tile.and_then(|tile| hashes(&tile.value)).ok_or_else(|| broken(&id))?;
            self.read.insert(id, hashes);
        }
        spans.iter().map(|span| self.root(*span)).collect()
    }

    fn root(&self, span: Span) -> Result<Hash, Error> {
        let mut roots = Vec::new();
        for node in span.nodes() {
            let (id, range) = place(node);
            let hashes = self.read.get(&id).and_then(|hashes| hashes.get(range));
            roots.push(perfect_root(hashes.ok_or_else(|| broken(&id))?));
        }
        Ok(span_root(&roots))
    }
}

/// The tile that holds what a node is made of, and where in it.
fn place(node: Node) -> (String, std::ops::Range<usize>) {
    let level = node.height / TILE_HEIGHT;
    let height = node.height % TILE_HEIGHT;
    let tile = (node.index << height) / TILE as u64;
    let in_tile = Node { height, index: node.index - ((tile * TILE as u64) >> height) };
    (tile_id(level, tile), range(in_tile))
}

/// Where the hashes of a node stand in a tile.
fn range(node: Node) -> std::ops::Range<usize> {
    let from = (node.index << node.height) as usize;
    from..from + (1 << node.height)
}

/// The ids of the entries from `span.from` to below `span.to`, in their order.
pub(crate) async fn ids(store: &Store, span: Span) -> Result<Vec<String>, Error> {
    let tile = TILE as u64;
    let wanted: Vec<String> = (span.from / tile..span.to.div_ceil(tile)).map(|index| tile_id(0, index)).collect();
    let mut ids = Vec::new();
    for some in wanted.chunks(20) {
        for (id, found) in some.iter().zip(store.get_many(&TILES, some).await?) {
            let tile: Doc<Tile> = found.ok_or_else(|| broken(id))?;
            ids.extend(tile.value.ids.split(' ').map(str::to_owned));
        }
    }
    let before = (span.from % tile) as usize;
    let count = span.to.saturating_sub(span.from) as usize;
    if ids.len() < before + count {
        return Err(broken(wanted.last().map_or("", String::as_str)));
    }
    Ok(ids.drain(before..before + count).collect())
}

fn hashes(tile: &Tile) -> Option<Vec<Hash>> {
    let bytes = hex::decode(&tile.hashes).ok()?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

fn broken(id: &str) -> Error {
    Error::Broken { document: format!("{}/{id}", TILES.path()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    fn leaves(size: usize) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn plain_root(leaves: &[Hash]) -> Hash {
        let whole = Span { from: 0, to: leaves.len() as u64 };
        let part = |node: Node| perfect_root(&leaves[range(node)]);
        span_root(&whole.nodes().into_iter().map(part).collect::<Vec<_>>())
    }

    #[test]
    fn the_edge_has_the_trees_root_at_every_size() {
        let leaves = leaves(1100);
        let (mut edge, mut full) = (Edge::default(), BTreeMap::new());
        assert_eq!(edge.root(), empty_root());
        for (n, leaf) in leaves.iter().enumerate() {
            edge.push(&format!("e{n}"), *leaf, &mut full);
            assert_eq!(edge.size(), n as u64 + 1);
            if n % 37 == 0 || (n + 2) % 256 < 4 {
                assert_eq!(edge.root(), plain_root(&leaves[..=n]), "{n}");
            }
        }
        assert_eq!(
            full.keys().collect::<Vec<_>>(),
            ["0-000000000000", "0-000000000001", "0-000000000002", "0-000000000003"]
        );
        let partial = edge.partial();
        assert_eq!(partial.keys().collect::<Vec<_>>(), ["0-000000000004", "1-000000000000"]);
        assert_eq!(partial["1-000000000000"].hashes.len(), 4 * 64);
        assert!(partial["0-000000000004"].ids.ends_with(" e1099"));
    }

    #[test]
    fn a_third_level_begins_with_the_65536th_entry() {
        let leaves = leaves(65_536 + 300);
        let (mut edge, mut full) = (Edge::default(), BTreeMap::new());
        for leaf in &leaves {
            edge.push("e", *leaf, &mut full);
        }
        assert_eq!(edge.root(), plain_root(&leaves));
        assert_eq!(full.len(), 257 + 1);
        assert_eq!(edge.partial().keys().collect::<Vec<_>>(), ["0-000000000257", "1-000000000001", "2-000000000000"]);
        let node = Node { height: 16, index: 0 };
        assert_eq!(place(node), ("2-000000000000".to_owned(), 0..1));
        assert_eq!(place(Node { height: 9, index: 129 }), ("1-000000000001".to_owned(), 2..4));
    }
}
