//! Everything in one process: the list of functions, the demo clinic, a consultation played on it, an administrator's
//! commands, and what the cloud's resources are made from. `main.rs` is the command line.

pub mod accounts;
pub mod admin;
pub mod cloud;
pub mod demo;
pub mod doctor;
pub mod functions;
pub mod project;
mod visit;
