//! Messages to people outside of the application: e-mail, SMS, WhatsApp. Each has a document before it goes out and its
//! outcome after, so that a crash repeats only what is not known as done.

use std::time::Duration;

use kernel::{Channel, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// How long a message's document stays: what was sent, on which channel, and how it went.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A message to one person. Sealed under that user's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutgoingMessage {
    /// To whom, and under whose key.
    pub user_id: UserId,
    /// What it is for, in one of few fixed words such as `sign-in-code`.
    pub kind: String,
    /// How far it is.
    pub state: MessageState,
    /// The ways to the person, the first one first; the next is taken where one fails.
    pub routes: Vec<Route>,
    /// Sealed: the subject line. Gone once the message is finished.
    pub subject: Option<Sealed>,
    /// Sealed: what it says. Gone once the message is finished.
    pub text: Option<Sealed>,
    /// What was tried: the n-th attempt is on the n-th route.
    pub attempts: Vec<Attempt>,
    /// When it was wanted.
    pub created_at: Time,
    /// After this it is of no use and is not sent any more.
    pub useful_until: Time,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// To be sent, or sent and not known to have arrived.
    Waiting,
    /// It arrived.
    Done,
    /// No way worked.
    Failed,
    /// A service took it, and what became of it was not learned in time.
    Unknown,
}

/// A way to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// How.
    pub channel: Channel,
    /// Sealed: the address or number.
    pub to: Sealed,
}

/// One attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    pub at: Time,
    /// How it went.
    pub outcome: AttemptOutcome,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// It began; nothing is known of its end.
    Started,
    /// The service may have taken the message or not.
    Unknown,
    /// The service took the message.
    Pending,
    /// The message arrived.
    Delivered,
    /// The service took the message and could not deliver it.
    Undelivered,
    /// The service refused the message.
    Refused,
    /// The service did not answer.
    Unavailable,
}

impl OutgoingMessage {
    /// Whether nothing is left to do for it.
    pub fn is_finished(&self) -> bool {
        self.state != MessageState::Waiting
    }

    /// Ends it and drops what it says.
    pub fn finish(&mut self, state: MessageState) {
        self.state = state;
        (self.subject, self.text) = (None, None);
    }

    /// Whether there is a way that was not tried yet.
    pub fn has_another_route(&self) -> bool {
        self.attempts.len() < self.routes.len()
    }

    /// Until when its document is kept.
    pub fn kept_until(&self) -> Time {
        self.created_at.plus(KEPT)
    }
}

/// All messages, by [`kernel::OutgoingId`].
pub const OUTGOING: Collection<OutgoingMessage> = Collection::top("outgoing-messages", &[]).expiring();
