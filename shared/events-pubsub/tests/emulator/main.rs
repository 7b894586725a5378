//! Tests on the Pub/Sub emulator that `PUBSUB_EMULATOR_HOST` names. Without it they are skipped, and fail where
//! `REQUIRE_EMULATORS=1` says that they must not be.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as the tests do")]

mod bus;
mod common;
mod live;
mod outage;
