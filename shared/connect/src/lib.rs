//! Outside services, one module each. A module is a client with its own errors, which say whether trying again helps
//! and never carry what was sent or answered, because that may be personal data.
//!
//! To add a service: build its client on [`http::client`], take addresses and credentials as configuration, and test it
//! against a local server with the answers that the vendor really gives, the bad ones first.

pub mod gemini;
pub mod http;
pub mod messages;
pub mod speech;
