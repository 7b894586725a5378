//! The realtime function over real sockets and on both platforms.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as the tests do")]

mod common;
mod fan_out;
mod instances;
mod resuming;
mod socket_io;
mod sockets;
