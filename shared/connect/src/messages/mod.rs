//! Messages to people outside of the application: e-mail, SMS, WhatsApp and push.
//!
//! [`Messenger`] is the port. A message goes out under a reference of ours, by which the service can be asked later what
//! became of it, so that after a crash nothing goes out twice. [`SimulatedMessenger`] sends nothing and shows everything.
//!
//! To add a service: a type that implements [`Messenger`], and the channels it serves in the runtime's wiring. Its
//! errors never carry what was sent.

mod simulated;

use async_trait::async_trait;
use kernel::{Phi, TenantId};
use serde::{Deserialize, Serialize};

pub use kernel::Channel;
pub use simulated::{Fate, SimulatedMessage, SimulatedMessenger};

/// One message on one channel.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// From which clinic.
    pub tenant: TenantId,
    /// Our reference: the same for the same attempt, whenever it is repeated. Up to 80 letters, digits, `-` and `_`.
    pub reference: String,
    /// How.
    pub channel: Channel,
    /// What it is for, in one of few fixed words such as `sign-in-code`, for logs and the service's templates.
    pub kind: String,
    /// To whom: an address, a number or a device's token.
    pub to: Phi<String>,
    /// The subject line of an e-mail, the title of a push; other channels leave it out.
    pub subject: Phi<String>,
    /// What it says, as plain text.
    pub text: Phi<String>,
}

/// What became of a message that the service took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// It is on its way; nothing more is known.
    Pending,
    /// It reached the recipient's device or mailbox.
    Delivered,
    /// It did not and will not.
    Undelivered,
}

/// The service took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The service's own id of it.
    pub provider_id: String,
    /// What is known of its delivery by now.
    pub delivery: Delivery,
}

/// Why a message was not sent. Carries nothing of what it says or to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The service refuses it; sending it again would not change that.
    #[error("the messaging service refused a message on this channel")]
    Refused,
    /// The service does not answer or is too busy, and has not taken it.
    #[error("the messaging service is not available")]
    Unavailable,
    /// The connection broke after the message went out: the service may have taken it. Ask [`Messenger::outcome`].
    #[error("it is not known whether the messaging service took a message")]
    Unknown,
}

/// Sends messages.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// What it calls itself, for logs.
    fn name(&self) -> &'static str;

    /// Hands a message to the service.
    async fn send(&self, outgoing: Outgoing) -> Result<Accepted, SendError>;

    /// What became of the message with this reference; `None` where the service never took it.
    async fn outcome(&self, tenant: &TenantId, reference: &str) -> Result<Option<Accepted>, SendError>;
}
