//! The realtime function over real sockets and on both platforms.

mod common;
mod fan_out;
mod instances;
mod resuming;
mod socket_io;
mod sockets;
