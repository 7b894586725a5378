//! Everything that is set up, against servers on 127.0.0.1 that answer as Google's do, and in memory.
#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as the tests do")]

mod databases;
mod secrets;
mod signing_keys;
mod support;
mod tenant_keys;
