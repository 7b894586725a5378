use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Clock, Phi, TenantId, Time};
use parking_lot::Mutex;

use super::{Accepted, Channel, Delivery, Messenger, Outgoing, SendError};

/// How many messages are kept for each tenant.
const KEPT: usize = 200;
/// For how many tenants; those of the tenant that was quiet the longest go first.
const TENANTS: usize = 100;

/// What is to happen to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They arrive.
    Delivered,
    /// They are taken, and do not arrive.
    Undelivered,
    /// They are taken, and nothing more is heard of them.
    Pending,
    /// They are refused.
    Refused,
    /// The service is down.
    Unavailable,
    /// They are taken, and the answer gets lost.
    AnswerLost,
}

/// A message that was not sent but shown: what a recipient would have in hand.
#[derive(Debug, Clone)]
pub struct SimulatedMessage {
    /// The reference it was sent under.
    pub reference: String,
    /// How.
    pub channel: Channel,
    /// What it is for.
    pub kind: String,
    /// To whom.
    pub to: Phi<String>,
    /// The subject line.
    pub subject: Phi<String>,
    /// What it says.
    pub text: Phi<String>,
    /// What became of it.
    pub delivery: Delivery,
    /// When it was taken.
    pub at: Time,
}

/// Sends NOTHING: keeps the last 200 messages of each tenant in memory, for a page that shows them and for tests. Messages
/// can be told to fail, by channel or by recipient.
pub struct SimulatedMessenger {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<TenantId, VecDeque<SimulatedMessage>>,
    by_channel: HashMap<Channel, Fate>,
    by_recipient: HashMap<String, Fate>,
}

impl SimulatedMessenger {
    /// A messenger that has shown nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The messages of a tenant, oldest first: those that were taken, delivered or not.
    pub fn messages(&self, tenant: &TenantId) -> Vec<SimulatedMessage> {
        self.state.lock().kept.get(tenant).map(|kept| kept.iter().cloned().collect()).unwrap_or_default()
    }

    /// The tenants that have messages.
    pub fn tenants(&self) -> Vec<TenantId> {
        let mut all: Vec<TenantId> = self.state.lock().kept.keys().cloned().collect();
        all.sort();
        all
    }

    /// Decides over all messages of a channel from now on.
    pub fn set_channel(&self, channel: Channel, fate: Fate) {
        self.state.lock().by_channel.insert(channel, fate);
    }

    /// Decides over all messages to a recipient from now on; it counts before what the channel says.
    pub fn set_recipient(&self, to: &str, fate: Fate) {
        self.state.lock().by_recipient.insert(to.to_owned(), fate);
    }

    /// Lets a message that was taken arrive, or not.
    pub fn settle(&self, tenant: &TenantId, reference: &str, delivery: Delivery) {
        let mut state = self.state.lock();
        let kept = state.kept.get_mut(tenant).into_iter().flatten();
        kept.filter(|message| message.reference == reference).for_each(|message| message.delivery = delivery);
    }
}

impl State {
    fn fate(&self, outgoing: &Outgoing) -> Fate {
        let of_recipient = self.by_recipient.get(outgoing.to.disclose());
        of_recipient.or_else(|| self.by_channel.get(&outgoing.channel)).copied().unwrap_or(Fate::Delivered)
    }

    fn find(&self, tenant: &TenantId, reference: &str) -> Option<&SimulatedMessage> {
        self.kept.get(tenant)?.iter().find(|message| message.reference == reference)
    }

    fn keep(&mut self, tenant: TenantId, message: SimulatedMessage) {
        if self.kept.len() >= TENANTS && !self.kept.contains_key(&tenant) {
            let quietest = self.kept.iter().min_by_key(|(_, kept)| kept.back().map(|last| last.at));
            if let Some(quietest) = quietest.map(|(id, _)| id.clone()) {
                self.kept.remove(&quietest);
            }
        }
        let kept = self.kept.entry(tenant).or_default();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }
}

fn accepted(message: &SimulatedMessage) -> Accepted {
    Accepted { provider_id: format!("simulated-{}", message.reference), delivery: message.delivery }
}

#[async_trait]
impl Messenger for SimulatedMessenger {
    fn name(&self) -> &'static str {
        "SIMULATED"
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Accepted, SendError> {
        let mut state = self.state.lock();
        // As a real service does: the same reference is the same message.
        if let Some(known) = state.find(&outgoing.tenant, &outgoing.reference) {
            return Ok(accepted(known));
        }
        let fate = state.fate(&outgoing);
        let Outgoing { tenant, reference, channel, kind, to, subject, text } = outgoing;
        tracing::info!(
            channel = channel.name(),
            kind,
            message_id = reference,
            outcome = ?fate,
            "SIMULATED: no message left this machine"
        );
        let delivery = match fate {
            Fate::Refused => return Err(SendError::Refused),
            Fate::Unavailable => return Err(SendError::Unavailable),
            Fate::Undelivered => Delivery::Undelivered,
            Fate::Pending => Delivery::Pending,
            Fate::Delivered | Fate::AnswerLost => Delivery::Delivered,
        };
        let message = SimulatedMessage { reference, channel, kind, to, subject, text, delivery, at: self.clock.now() };
        let answer = accepted(&message);
        state.keep(tenant, message);
        if fate == Fate::AnswerLost { Err(SendError::Unknown) } else { Ok(answer) }
    }

    async fn outcome(&self, tenant: &TenantId, reference: &str) -> Result<Option<Accepted>, SendError> {
        Ok(self.state.lock().find(tenant, reference).map(accepted))
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemClock;

    use super::*;

    fn message(reference: &str, channel: Channel, to: &str) -> Outgoing {
        Outgoing {
            tenant: "clinic".parse().unwrap(),
            reference: reference.to_owned(),
            channel,
            kind: "sign-in-code".to_owned(),
            to: Phi::new(to.to_owned()),
            subject: Phi::new("A subject".to_owned()),
            text: Phi::new("123456".to_owned()),
        }
    }

    fn messenger() -> (SimulatedMessenger, TenantId) {
        (SimulatedMessenger::new(Arc::new(SystemClock)), "clinic".parse().unwrap())
    }

    #[tokio::test]
    async fn a_reference_is_one_message() {
        let (messenger, clinic) = messenger();
        let first = messenger.send(message("m1-0", Channel::Sms, "+15550142877")).await.unwrap();
        assert_eq!(first.delivery, Delivery::Delivered);
        assert_eq!(messenger.send(message("m1-0", Channel::Sms, "+15550142877")).await.unwrap(), first);
        assert_eq!(messenger.messages(&clinic).len(), 1);
        assert_eq!(messenger.outcome(&clinic, "m1-0").await.unwrap(), Some(first));
        assert_eq!(messenger.outcome(&clinic, "m2-0").await.unwrap(), None);
        assert_eq!(messenger.outcome(&"other".parse().unwrap(), "m1-0").await.unwrap(), None);
    }

    #[tokio::test]
    async fn messages_fail_as_they_are_told() {
        let (messenger, clinic) = messenger();
        messenger.set_channel(Channel::Sms, Fate::Refused);
        messenger.set_recipient("+15550142878", Fate::AnswerLost);
        assert_eq!(messenger.send(message("a", Channel::Sms, "+15550142877")).await, Err(SendError::Refused));
        assert_eq!(messenger.outcome(&clinic, "a").await.unwrap(), None);
        assert_eq!(messenger.send(message("b", Channel::Sms, "+15550142878")).await, Err(SendError::Unknown));
        assert!(messenger.outcome(&clinic, "b").await.unwrap().is_some(), "it was taken");
        messenger.set_channel(Channel::WhatsApp, Fate::Pending);
        let pending = messenger.send(message("c", Channel::WhatsApp, "+15550142877")).await.unwrap();
        assert_eq!(pending.delivery, Delivery::Pending);
        messenger.settle(&clinic, "c", Delivery::Undelivered);
        assert_eq!(messenger.outcome(&clinic, "c").await.unwrap().unwrap().delivery, Delivery::Undelivered);
    }

    #[tokio::test]
    async fn only_the_last_ones_are_kept() {
        let (messenger, clinic) = messenger();
        for n in 0..KEPT + 3 {
            messenger.send(message(&format!("m{n}"), Channel::Email, "ann@example.com")).await.unwrap();
        }
        let kept = messenger.messages(&clinic);
        assert_eq!((kept.len(), kept[0].reference.as_str()), (KEPT, "m3"));
        assert!(!format!("{kept:?}").contains("123456"), "it shows nothing by accident");
    }
}
