//! What is stored: one file per kind of document, with its fields, which of them are sealed, its collection with the
//! indexes that its queries need, and its predicates. Plain data: no HTTP, no SQL, no I/O.
//!
//! To add a kind: a file with the struct, a `Collection` and a unit test of its predicates. A field that is personal
//! data is a [`kernel::Sealed`] and says under which subject's key.

pub mod chat;
pub mod consultation_type;
pub mod event;
pub mod inbox;
pub mod membership;
pub mod message;
pub mod note;
pub mod note_template;
pub mod notification;
pub mod preferences;
pub mod scribe_job;
pub mod session;
pub mod tenant;
pub mod user;
