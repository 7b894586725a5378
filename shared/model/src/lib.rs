//! What is stored: one file per kind of document, with its fields, which of them are sealed, its collection with the
//! indexes that its queries need, and its predicates. Plain data: no HTTP, no SQL, no I/O.
//!
//! To add a kind: a file with the struct, a `Collection`, its line in [`kinds`] and a unit test of its predicates. A field that is personal
//! data is a [`kernel::Sealed`] and says under which subject's key.

pub mod address;
pub mod audit;
pub mod audit_tree;
pub mod chart;
pub mod chat;
pub mod consent;
pub mod consultation_type;
pub mod emergency;
pub mod event;
pub mod inbox;
pub mod invitation;
mod kinds;
pub mod membership;
pub mod message;
pub mod note;
pub mod note_template;
pub mod notification;
pub mod one_time;
pub mod outgoing;
pub mod outside;
pub mod patient;
pub mod preferences;
pub mod scribe_job;
pub mod session;
pub mod shred;
pub mod sign_in;
pub mod tenant;
pub mod user;
pub mod vitals;

use store::{Index, IndexField};

pub use kinds::kinds;

/// Every index that queries use, by collection: the composite ones of the collections, and the single fields, which
/// Firestore indexes by itself and SQLite does not. The API document of a query is its collection; a test of the store
/// refuses a query whose composite index is not declared.
pub fn indexes() -> Vec<(&'static str, Index)> {
    let mut all: Vec<(&'static str, Index)> = vec![
        ("data-keys", &[IndexField::Ascending("wrappedBy")]),
        ("memberships", &[IndexField::Ascending("userId")]),
        ("users", &[IndexField::Ascending("role")]),
        ("users", &[IndexField::Contains("words")]),
        ("audit-batches", &[IndexField::Ascending("until")]),
        ("outbox", &[IndexField::Ascending("occurredAt")]),
        ("outgoing-messages", &[IndexField::Ascending("state")]),
        ("notifications", &[IndexField::Descending("createdAt")]),
        ("notifications", &[IndexField::Ascending("isRead")]),
        ("patients", &[IndexField::Contains("holders")]),
        ("consents", &[IndexField::Descending("grantedAt")]),
        ("patients", &[IndexField::Contains("words")]),
        ("patients", &[IndexField::Ascending("userId")]),
        ("vitals", &[IndexField::Descending("recordedAt")]),
    ];
    all.extend(kinds().into_iter().flat_map(|kind| kind.indexes.iter().map(move |index| (kind.name, *index))));
    all
}
