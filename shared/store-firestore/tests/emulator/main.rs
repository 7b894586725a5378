//! Tests on the Firestore emulator that `FIRESTORE_EMULATOR_HOST` names. Without it they are skipped, and fail where
//! `REQUIRE_EMULATORS=1` says that they must not be.

mod behaviour;
mod common;
mod storage;
mod suite;
