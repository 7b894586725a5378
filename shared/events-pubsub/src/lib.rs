//! Domain events and live signals over Google Pub/Sub.
//!
//! - [`PubsubBus`]: every event goes to the topic of its family, `events-<family>`; push subscriptions bring it to the
//!   functions.
//! - [`PubsubLive`]: every signal goes to the topic `live-signals`; each instance that holds sockets has a pull
//!   subscription of its own, made when it is first needed and deleted at shutdown.
//! - [`setup`]: topics and push subscriptions for emulators and tests; in the cloud Terraform makes them.
//!
//! Nothing here touches the network before it is used, and every call has a deadline. The README says which permissions
//! are needed.

mod bus;
mod config;
mod connection;
mod failure;
mod live;
pub mod setup;

pub use bus::PubsubBus;
pub use config::{LIVE_TOPIC, PubsubConfig, event_topic};
pub use failure::PubsubError;
pub use live::PubsubLive;
