//! The adapter: turns a function's value into a running service. A handler never learns its trigger.
//!
//! - [`run`] serves one function in a container, [`run_all`] all of them in one process.
//! - [`open`] joins the same without listening, for commands on the stored data.
//! - [`Platform`] is where documents, events and keys are; [`Config`] reads it from the environment.
//! - [`assemble`] joins functions and a platform into an application; tests use it without a socket.
//! - `triggers` decodes Pub/Sub, CloudEvents and Scheduler calls into the same handlers.

mod assemble;
mod command_line;
mod config;
mod dev_outbox;
mod files;
mod health;
mod layers;
mod logs;
mod on_google;
mod on_one_machine;
mod platform;
mod serve;
mod triggers;
mod undeclared;

pub use assemble::{Assembled, BusOf, assemble, openapi};
pub use config::{BlobPlace, Config, ConfigError, KeyKeeper, Place, PlatformKind, TokenKeys, Variable};
pub use layers::VERSION;
pub use on_google::open_registry;
pub use platform::{DevOutbox, Platform, declared_indexes, declared_kinds};
pub use serve::{Opened, Serving, log, open, run, start, stop_signal, use_one_tls_provider};
pub use triggers::{SWEEP, TriggerAuth, decode_envelope};
