//! Everything in one process: the list of functions, the demo clinic, a consultation played on it, and an administrator's
//! commands. `main.rs` is the command line.

pub mod accounts;
pub mod admin;
pub mod cloud;
pub mod demo;
pub mod functions;
mod visit;
