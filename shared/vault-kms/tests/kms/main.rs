//! Wrapping by Cloud KMS, against a local server that encrypts and answers as it does.
#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test stops at the first surprise")]

mod failures;
mod fake;
mod rotation;
mod wrapping;
