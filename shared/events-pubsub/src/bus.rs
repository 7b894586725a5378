use async_trait::async_trait;
use events::{Bus, PublishError};
use google_cloud_pubsub::model::Message;
use model::event::Envelope;

use crate::connection::Connection;
use crate::{PubsubConfig, PubsubError, event_topic};

/// Publishes events to the topics of their families. The data is the [`Envelope`] as JSON; the attributes `event`,
/// `tenant` and `eventId` are for filters and for people who look at a message.
pub struct PubsubBus {
    connection: Connection,
}

impl PubsubBus {
    /// A bus that connects when it is first used.
    pub fn new(config: PubsubConfig) -> Self {
        Self { connection: Connection::new(config) }
    }
}

#[async_trait]
impl Bus for PubsubBus {
    async fn publish(&self, envelopes: Vec<Envelope>) -> Result<bool, PublishError> {
        let messages: Result<Vec<_>, _> = envelopes.iter().map(message).collect();
        let messages = messages.map_err(|error| PublishError(error.into()))?;
        if !messages.is_empty() {
            self.connection.publish(messages).await.map_err(boxed)?;
        }
        Ok(true)
    }

    async fn check(&self) -> Result<(), PublishError> {
        self.connection.check().await.map_err(boxed)
    }
}

/// An event's topic and message.
fn message(envelope: &Envelope) -> Result<(String, Message), serde_json::Error> {
    let attributes =
        [("event", envelope.name.as_str()), ("tenant", envelope.tenant.as_str()), ("eventId", envelope.id.as_str())];
    let message = Message::new().set_data(serde_json::to_vec(envelope)?).set_attributes(attributes);
    Ok((event_topic(envelope.family()), message))
}

fn boxed(error: PubsubError) -> PublishError {
    PublishError(error.into())
}
