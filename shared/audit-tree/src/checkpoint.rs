//! A checkpoint: what a batch added, signed, in a file that is never overwritten.
//!
//! The files are a chain. The one that continues a tree of `n` entries is named by `n`, so of two sealers one is first,
//! and whoever comes later, after a crash too, finds there what has to happen next.

use access::token::Tokens;
use blobs::{BlobName, Blobs};
use kernel::{TenantId, Time};
use model::audit_tree::batch_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::leaf::canonical;
use crate::merkle::{Hash, sha256};

/// The kind of the signed statement: "typ" in its header.
pub const STATEMENT_TYPE: &str = "consentmd-audit-checkpoint+jwt";
/// The longest file that is read.
const MOST_BYTES: usize = 16 << 20;

/// What a checkpoint says. Hashes are in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// Whose log.
    pub tenant: TenantId,
    /// How many entries are in the tree.
    pub size: u64,
    /// The root of the tree.
    pub root: String,
    /// When it was made.
    pub at: Time,
    /// Up to which time the log was read.
    pub until: Time,
    /// Up to which time late entries had been looked for; `null` until the log was read up to the present for the first
    /// time.
    pub swept_until: Option<Time>,
    /// Whether the entries came after their time was read.
    pub late: bool,
    /// How many entries were in the tree before.
    pub previous_size: u64,
    /// The root before.
    pub previous_root: String,
    /// Up to which time the log was read before; `null` in the first.
    pub previous_until: Option<Time>,
    /// SHA-256 of `entries` in the form of leaves: canonical JSON.
    pub entries_hash: String,
}

/// One entry that a checkpoint added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its time, as it is stored.
    pub at: String,
    /// The hash of its leaf.
    pub hash: String,
}

impl Listed {
    pub(crate) fn hash(&self) -> Option<Hash> {
        hex::decode(&self.hash).ok()?.try_into().ok()
    }
}

/// A checkpoint's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// What it says.
    pub statement: Statement,
    /// The same, signed by the installation's key: a compact JWS.
    pub jws: String,
    /// What was added, in the tree's order.
    pub entries: Vec<Listed>,
}

/// SHA-256 of a list of entries, in hexadecimal digits.
pub(crate) fn entries_hash(entries: &[Listed]) -> String {
    let entries = entries.iter().map(|one| json!({"id": one.id, "at": one.at, "hash": one.hash})).collect();
    hex::encode(sha256(&[canonical(&Value::Array(entries)).as_bytes()]))
}

impl Checkpoint {
    /// Signs a statement.
    pub(crate) fn sign(tokens: &Tokens, statement: Statement, entries: Vec<Listed>) -> Result<Self, Error> {
        let said = serde_json::to_value(&statement).unwrap_or_default();
        Ok(Self { jws: tokens.sign_statement(STATEMENT_TYPE, &said)?, statement, entries })
    }

    /// What is wrong with it by itself; `None` where nothing is.
    pub(crate) fn fault(&self, tokens: &Tokens, tenant: &TenantId, previous_size: u64) -> Option<&'static str> {
        let Self { statement, jws, entries } = self;
        let said = serde_json::to_value(statement).unwrap_or_default();
        if tokens.verify_statement(STATEMENT_TYPE, jws).ok().as_ref() != Some(&said) {
            return Some("its signature is not of this installation, or not of what it says");
        }
        if statement.tenant != *tenant || statement.previous_size != previous_size {
            return Some("it belongs to another place");
        }
        if statement.entries_hash != entries_hash(entries) {
            return Some("its list of entries is not the one that was signed");
        }
        if entries.is_empty() || previous_size + entries.len() as u64 != statement.size {
            return Some("its list of entries has another length than it says");
        }
        None
    }
}

/// Where the checkpoint is that continues a tree of this size: `<tenant>/audit/<size>.json`.
pub fn name(tenant: &TenantId, previous_size: u64) -> BlobName {
    let file = format!("{}.json", batch_id(previous_size));
    // Unwrap safety: a tenant's id and digits are always a blob's name.
    #[expect(clippy::unwrap_used, reason = "the parts are always good")]
    BlobName::in_tenant(tenant, &["audit", &file]).unwrap()
}

/// A file that may be a checkpoint.
pub(crate) enum Read {
    /// There is none.
    Missing,
    /// It is none, and why.
    Unreadable(&'static str),
    /// A checkpoint, not yet checked.
    Found(Box<Checkpoint>),
}

pub(crate) async fn read(blobs: &dyn Blobs, name: &BlobName) -> Result<Read, Error> {
    let blob = match blobs.get(name).await {
        Ok(Some(blob)) => blob,
        Ok(None) => return Ok(Read::Missing),
        Err(blobs::Error::Damaged { .. }) => return Ok(Read::Unreadable("the file is damaged")),
        Err(error) => return Err(error.into()),
    };
    if blob.info.bytes > MOST_BYTES as u64 {
        return Ok(Read::Unreadable("the file is longer than any checkpoint"));
    }
    let unavailable =
        |source: std::io::Error| blobs::Error::Unavailable { doing: "read", name: name.clone(), source: source.into() };
    let bytes = blob.content.read(MOST_BYTES).await.map_err(unavailable)?;
    Ok(match serde_json::from_slice(&bytes) {
        Ok(checkpoint) => Read::Found(Box::new(checkpoint)),
        Err(_) => Read::Unreadable("the file is no checkpoint"),
    })
}

/// Stores a checkpoint where there is none; answers whether it did.
pub(crate) async fn write(blobs: &dyn Blobs, name: &BlobName, checkpoint: &Checkpoint) -> Result<bool, Error> {
    let bytes = serde_json::to_vec(checkpoint).unwrap_or_default();
    let stored = blobs.put_new(name, bytes.into(), "application/json", MOST_BYTES as u64).await?;
    Ok(stored.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_tenants_and_sort_by_size() {
        let clinic: TenantId = "clinic".parse().unwrap();
        assert_eq!(name(&clinic, 0).as_str(), "clinic/audit/000000000000.json");
        assert!(name(&clinic, 999) < name(&clinic, 1000));
        assert!(name(&clinic, 7).belongs_to(&clinic));
    }
}
