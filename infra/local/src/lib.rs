//! Everything in one process: the list of functions, the demo clinic, and a consultation played on it. `main.rs` is the
//! command line.

pub mod accounts;
pub mod demo;
pub mod functions;
mod visit;
