//! Google's services, against local servers that answer as they do.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod speech;
mod speech_failures;
mod tokens;
