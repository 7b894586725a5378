use kernel::AuditId;

use crate::leaf::{hash_of, leaf_bytes};
use crate::log::{LOG, at};
use crate::merkle::{Hash, Span, path, root_of_path};
use crate::seal::Ledger;
use crate::tiles::Tiles;
use crate::{Error, place};

/// Shows that an entry is in the tree that a checkpoint signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The number of the entry, from 0.
    pub index: u64,
    /// How many entries are in the tree.
    pub size: u64,
    /// The bytes of the leaf; see [`crate::leaf`].
    pub leaf: String,
    /// Its hash.
    pub leaf_hash: Hash,
    /// The hashes beside the way from the leaf up to the root.
    pub path: Vec<Hash>,
    /// The root.
    pub root: Hash,
    /// The checkpoint that signs size and root: a compact JWS.
    pub checkpoint: String,
}

impl Ledger {
    /// The proof of an entry; `None` where there is no such entry, or it is not sealed yet. An entry that is not what was
    /// sealed is an error.
    pub async fn prove(&self, id: &AuditId) -> Result<Option<Proof>, Error> {
        let found = self.store.get(&LOG, id.as_str()).await?;
        let Some(fields) = found.and_then(|doc| doc.value.as_object().cloned()) else { return Ok(None) };
        let Some(head) = self.head().await? else { return Ok(None) };
        let Some(index) = place::number(&self.store, id.as_str(), at(&fields)).await? else { return Ok(None) };
        // A batch that is newer than the head that was read.
        if index >= head.size {
            return Ok(None);
        }
        let broken = |document: String| Error::Broken { document };
        let leaf = String::from_utf8(leaf_bytes(id.as_str(), &fields)).map_err(|_| broken(id.to_string()))?;
        let leaf_hash = hash_of(id.as_str(), &fields);
        let spans = path(index, head.size);
        let mut hashes =
            Tiles::new(&self.store).roots(&[&[Span { from: index, to: index + 1 }], spans.as_slice()].concat()).await?;
        if hashes.remove(0) != leaf_hash {
            return Err(broken(format!("{}/{id}", LOG.path())));
        }
        let root = root_of_path(index, head.size, &leaf_hash, &hashes).filter(|root| hex::encode(root) == head.root);
        let root = root.ok_or_else(|| broken("the tiles above the entry".to_owned()))?;
        Ok(Some(Proof { index, size: head.size, leaf, leaf_hash, path: hashes, root, checkpoint: head.checkpoint }))
    }
}
