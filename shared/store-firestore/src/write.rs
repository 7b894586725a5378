//! Commits in Firestore's terms.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use firestore::gcloud_sdk::prost::Message as _;
use kernel::Time;
use store::{CommitError, Error, Fields, Key, MAX_DOCUMENT_BYTES, MAX_WRITES, Precondition, Version, Write};

use crate::names::Names;
use crate::proto::precondition::ConditionType;
use crate::proto::write::Operation;
use crate::proto::{
    CommitRequest, Document, DocumentMask, Precondition as Condition, Timestamp, Value as Stored, Write as StoredWrite,
};
use crate::value::{
    ALL_FIELD, EXPIRE_FIELD, STAMP_FIELD, boolean, integer, size, size_of_fields, stored_fields, timestamp,
};

/// Firestore's limit of a request.
const MAX_COMMIT_BYTES: usize = 10 << 20;
/// Firestore's limit of one field: 1 MiB less 89 bytes.
const MAX_FIELD_BYTES: usize = MAX_DOCUMENT_BYTES - 89;
/// The versions a document can have: microseconds from 1970 to the year 9999. Firestore refuses to look for others.
const VERSIONS: RangeInclusive<i64> = 1..=253_402_300_799_999_999;
/// What Firestore counts for a document beside its name and fields.
const DOCUMENT_OVERHEAD_BYTES: usize = 32;
const NAME_OVERHEAD_BYTES: usize = 16;

/// A commit ready to be sent.
pub(crate) struct Commit<'a> {
    pub(crate) request: CommitRequest,
    /// The documents with a condition, by their full names.
    pub(crate) conditional: HashMap<String, &'a Key>,
    /// The name of a document that this commit writes, to see afterwards whether it happened.
    pub(crate) witness: Option<String>,
    pub(crate) stamp: i64,
}

/// Checks and converts a commit. `stamp` is random and goes into every document written: it makes each write a new
/// state (Firestore keeps `update_time` where nothing changed), and tells afterwards whose write it was.
pub(crate) fn commit<'a>(names: &Names, writes: &'a [Write], stamp: i64) -> Result<Commit<'a>, CommitError> {
    if writes.len() > MAX_WRITES {
        return too_large(format!("a commit with {} writes, {MAX_WRITES} at most", writes.len()));
    }
    let mut stored = Vec::with_capacity(writes.len());
    let mut conditional = HashMap::new();
    let mut witness = None;
    for write in writes {
        let name = names.document(write.key())?;
        let (write_of, precondition) = match write {
            Write::Put { key, fields, expire_at, precondition } => {
                let fields = document_fields(key, &name, fields, *expire_at, stamp)?;
                witness.get_or_insert_with(|| name.clone());
                (put(name.clone(), fields), *precondition)
            }
            Write::Delete { precondition, .. } => (delete(name.clone()), *precondition),
            Write::Verify { precondition: Precondition::None, .. } => continue,
            Write::Verify { precondition, .. } => (verify(name.clone(), *precondition), *precondition),
        };
        if precondition != Precondition::None {
            conditional.insert(name, write.key());
        }
        if matches!(precondition, Precondition::At(version) if !VERSIONS.contains(&version.0)) {
            return Err(CommitError::Conflict { key: Some(write.key().clone()) });
        }
        stored.push(StoredWrite { current_document: condition(precondition), ..write_of });
    }
    let request = CommitRequest { database: names.database.clone(), writes: stored, ..CommitRequest::default() };
    match request.encoded_len() {
        bytes if bytes > MAX_COMMIT_BYTES => {
            too_large(format!("a commit of {bytes} bytes, {MAX_COMMIT_BYTES} at most"))
        }
        _ => Ok(Commit { request, conditional, witness, stamp }),
    }
}

fn too_large<T, E: From<Error>>(what: String) -> Result<T, E> {
    Err(Error::TooLarge { what }.into())
}

fn document_fields(
    key: &Key,
    name: &str,
    fields: &Fields,
    expire_at: Option<Time>,
    stamp: i64,
) -> Result<HashMap<String, Stored>, Error> {
    let unstorable = |source| Error::Unstorable { collection: key.collection.clone(), source };
    let mut stored = stored_fields(fields).map_err(unstorable)?;
    stored.insert(STAMP_FIELD.to_owned(), integer(stamp));
    stored.insert(ALL_FIELD.to_owned(), boolean(true));
    if let Some(time) = expire_at {
        stored.insert(EXPIRE_FIELD.to_owned(), timestamp(from_time(time)));
    }
    let path = name.split_once("/documents/").map_or(name, |(_, path)| path);
    let bytes = path.len() + 1 + NAME_OVERHEAD_BYTES + size_of_fields(&stored) + DOCUMENT_OVERHEAD_BYTES;
    if bytes > MAX_DOCUMENT_BYTES {
        return too_large(format!("{key} with {bytes} bytes, {MAX_DOCUMENT_BYTES} at most"));
    }
    match stored.iter().find(|(_, value)| size(value) > MAX_FIELD_BYTES) {
        Some((field, _)) => too_large(format!("{key} with more than {MAX_FIELD_BYTES} bytes in \"{field}\"")),
        None => Ok(stored),
    }
}

fn put(name: String, fields: HashMap<String, Stored>) -> StoredWrite {
    update(name, fields, None)
}

fn delete(name: String) -> StoredWrite {
    StoredWrite { operation: Some(Operation::Delete(name)), ..StoredWrite::default() }
}

/// Firestore's public interface has no write that only looks. An update of no fields changes nothing, nor does removing
/// what is not there.
fn verify(name: String, precondition: Precondition) -> StoredWrite {
    match precondition {
        Precondition::Absent => delete(name),
        Precondition::None | Precondition::At(_) => update(name, HashMap::new(), Some(DocumentMask::default())),
    }
}

fn update(name: String, fields: HashMap<String, Stored>, update_mask: Option<DocumentMask>) -> StoredWrite {
    let document = Document { name, fields, ..Document::default() };
    StoredWrite { operation: Some(Operation::Update(document)), update_mask, ..StoredWrite::default() }
}

fn condition(precondition: Precondition) -> Option<Condition> {
    let condition_type = match precondition {
        Precondition::None => return None,
        Precondition::Absent => ConditionType::Exists(false),
        Precondition::At(version) => ConditionType::UpdateTime(update_time(version)),
    };
    Some(Condition { condition_type: Some(condition_type) })
}

/// A document's state: when it was last written, in microseconds since 1970, which is as exact as Firestore is.
pub(crate) fn version(update_time: &Timestamp) -> Version {
    let micros = update_time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(update_time.nanos / 1_000));
    Version(micros)
}

fn update_time(Version(micros): Version) -> Timestamp {
    // The remainder is below a second and fits.
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

fn from_time(time: Time) -> Timestamp {
    let millis = time.as_millis();
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: millis.div_euclid(1_000), nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_times_to_the_microsecond() {
        for micros in [0, 1, 1_700_000_000_123_456, -1, -1_700_000_000_123_456] {
            assert_eq!(version(&update_time(Version(micros))), Version(micros));
        }
        assert_eq!(update_time(Version(-1)), Timestamp { seconds: -1, nanos: 999_999_000 });
        assert_eq!(from_time(Time::from_millis(1_500)), Timestamp { seconds: 1, nanos: 500_000_000 });
    }
}
