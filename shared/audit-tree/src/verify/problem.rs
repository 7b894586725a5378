use blobs::BlobName;

use crate::checkpoint::Listed;
use crate::log::Found;

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// An entry is not what was sealed.
    EntryAltered,
    /// An entry that was sealed is not there.
    EntryRemoved,
    /// An entry is there that was never sealed, though its time was.
    EntryInserted,
    /// A checkpoint's file is not there.
    CheckpointMissing,
    /// A checkpoint's file is not what was written.
    CheckpointAltered,
    /// A document of the tree, which only helps to find proofs, is not what the checkpoints make it.
    TreeAltered,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// Which entry.
    pub entry: Option<String>,
    /// Its number in the tree, or that of the first entry that may be touched.
    pub number: Option<u64>,
    /// The entry's time, as it was sealed, or as it is stored where it was never sealed.
    pub at: Option<String>,
    /// Which file or document.
    pub place: Option<String>,
    /// One sentence about it, for people.
    pub message: String,
}

impl Problem {
    pub(super) fn altered(listed: &Listed, number: u64) -> Self {
        let Listed { id, at, .. } = listed;
        let message = format!("Entry {id} (number {number}, of {at}) was altered after it was sealed.");
        Self::of_entry(ProblemKind::EntryAltered, listed, number, message)
    }

    pub(super) fn removed(listed: &Listed, number: u64) -> Self {
        let Listed { id, at, .. } = listed;
        let message = format!("Entry {id} (number {number}, of {at}) was removed after it was sealed.");
        Self::of_entry(ProblemKind::EntryRemoved, listed, number, message)
    }

    fn of_entry(kind: ProblemKind, listed: &Listed, number: u64, message: String) -> Self {
        let Listed { id, at, .. } = listed.clone();
        Self { kind, entry: Some(id), number: Some(number), at: Some(at), place: None, message }
    }

    pub(super) fn moved(found: &Found, number: u64) -> Self {
        let Found { id, at, .. } = found;
        Self {
            kind: ProblemKind::EntryAltered,
            entry: Some(id.clone()),
            number: Some(number),
            at: Some(at.clone()),
            place: None,
            message: format!(
                "Entry {id} (number {number}, now of {at}) was altered after it was sealed, its time too."
            ),
        }
    }

    pub(super) fn inserted(id: &str, at: &str, number: Option<u64>) -> Self {
        Self {
            kind: ProblemKind::EntryInserted,
            entry: Some(id.to_owned()),
            number,
            at: Some(at.to_owned()),
            place: None,
            message: format!("Entry {id} (of {at}) was inserted: it is in no checkpoint, though its time was sealed."),
        }
    }

    pub(super) fn unreadable_time(id: &str) -> Self {
        Self {
            kind: ProblemKind::EntryInserted,
            entry: Some(id.to_owned()),
            number: None,
            at: None,
            place: None,
            message: format!(
                "Entry {id} was inserted: it has not the form in which entries are written, and is in no checkpoint."
            ),
        }
    }

    pub(super) fn missing(name: &BlobName, number: u64) -> Self {
        Self {
            kind: ProblemKind::CheckpointMissing,
            entry: None,
            number: Some(number),
            at: None,
            place: Some(name.to_string()),
            message: format!("The checkpoint {name}, which begins with entry number {number}, is missing."),
        }
    }

    pub(super) fn checkpoint(name: &BlobName, number: u64, why: &str) -> Self {
        Self {
            kind: ProblemKind::CheckpointAltered,
            entry: None,
            number: Some(number),
            at: None,
            place: Some(name.to_string()),
            message: format!("The checkpoint {name}, which begins with entry number {number}, was altered: {why}."),
        }
    }

    pub(super) fn index(document: String, number: u64, what: &str) -> Self {
        Self {
            kind: ProblemKind::TreeAltered,
            entry: None,
            number: Some(number),
            at: None,
            message: format!("The tree's document {document} was altered: {what}."),
            place: Some(document),
        }
    }
}
