use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kernel::Time;
use model::event::{EFFECTS, Effect, Envelope, Event, PARKED, Parked, effect_id};
use store::{Store, Transaction};

/// For how long it is known that a handler has had an event.
const EFFECTS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why a handler did not take an event.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may go well later.
    #[error("to be tried again")]
    Retry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It can never go well. The reason holds no personal data.
    #[error("given up: {0}")]
    GiveUp(String),
    /// It had the event before; nothing is left to do.
    #[error("had before")]
    Had,
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        // Only [`Delivery::mark`] creates effects, and only its own.
        if let store::Error::AlreadyExists { key } = &error
            && key.collection == EFFECTS.path()
        {
            return Self::Had;
        }
        if error.is_retryable() { Self::Retry(error.into()) } else { Self::GiveUp(error.to_string()) }
    }
}

/// One delivery of an event to one handler.
#[derive(Debug, Clone)]
pub struct Delivery<E> {
    /// What happened.
    pub event: E,
    /// When it happened.
    pub occurred_at: Time,
    /// Which event and handler: the effect's document.
    effect: String,
}

impl<E: Event> Delivery<E> {
    /// Reads an envelope for a handler.
    pub fn decode(envelope: &Envelope, handler: &str) -> Result<Self, Failure> {
        let event = serde_json::from_value(envelope.data.clone()).map_err(|error| {
            Failure::GiveUp(format!("event {} does not have the form of its name: {error}", envelope.name))
        })?;
        Ok(Self { event, occurred_at: envelope.occurred_at, effect: effect_id(&envelope.id, handler) })
    }

    /// Notes in a transaction that the handler has had this event. A second delivery's transaction then ends with
    /// [`store::Error::AlreadyExists`], which becomes [`Failure::Had`] and counts as done.
    pub fn mark(&self, tx: &Transaction, now: Time) -> Result<(), store::Error> {
        tx.create_until(&EFFECTS, &self.effect, &Effect { at: now }, now.plus(EFFECTS_KEPT))
    }

    /// The same delivery for one part of work that takes several transactions: each part is marked by itself.
    #[must_use]
    pub fn part(&self, number: usize) -> Self {
        Self { effect: format!("{}_{number}", self.effect), ..self.clone() }
    }

    /// Whether the handler has had this event, for work that must not begin twice.
    pub async fn is_done(&self, store: &Store) -> Result<bool, store::Error> {
        Ok(store.get(&EFFECTS, &self.effect).await?.is_some())
    }
}

/// A handler bound to its application.
#[derive(Clone)]
pub struct Handler {
    /// The event's name.
    pub event: &'static str,
    /// The handler's name, which must not change: it tells which events were had.
    pub name: &'static str,
    /// What it does.
    pub run: Arc<dyn Fn(Envelope) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>,
}

/// How a delivery ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler has had the event, now or before.
    Done,
    /// To be delivered again.
    Retry,
    /// Parked, with its reason; not to be delivered again.
    Parked,
}

/// All handlers of a process, by event.
#[derive(Clone, Default)]
pub struct Handlers {
    all: Vec<Handler>,
}

impl Handlers {
    /// These handlers.
    pub const fn new(all: Vec<Handler>) -> Self {
        Self { all }
    }

    /// The handlers of an event.
    pub fn of(&self, event: &str) -> impl Iterator<Item = &Handler> {
        self.all.iter().filter(move |handler| handler.event == event)
    }

    /// The handler with this name.
    pub fn named(&self, name: &str) -> Option<&Handler> {
        self.all.iter().find(|handler| handler.name == name)
    }
}

impl Handler {
    /// Runs the handler; parks the event in `store` where it gave up.
    pub async fn deliver(&self, envelope: &Envelope, store: &Store, now: Time) -> Outcome {
        let started = tokio::time::Instant::now();
        let result = (self.run)(envelope.clone()).await;
        metrics::histogram!("event_handler_seconds", "handler" => self.name).record(started.elapsed().as_secs_f64());
        match result {
            Ok(()) | Err(Failure::Had) => Outcome::Done,
            Err(Failure::Retry(error)) => {
                tracing::warn!(
                    handler = self.name,
                    event = envelope.name,
                    event_id = %envelope.id,
                    error = error.as_ref() as &dyn std::error::Error,
                    "an event will be delivered again"
                );
                Outcome::Retry
            }
            Err(Failure::GiveUp(reason)) => self.park(envelope, store, reason, now).await,
        }
    }

    /// Sets an event aside for people to look at.
    pub async fn park(&self, envelope: &Envelope, store: &Store, reason: String, now: Time) -> Outcome {
        let event_id = &envelope.id;
        tracing::error!(metric = "event_parked", handler = self.name, event = envelope.name, %event_id, reason, "an event was parked");
        metrics::counter!("events_parked_total", "handler" => self.name).increment(1);
        let parked = Parked { event: envelope.clone(), handler: self.name.to_owned(), reason, at: now };
        let id = effect_id(&envelope.id, self.name);
        let kept = store.transact("park-event", async |tx| tx.put(&PARKED, &id, &parked)).await;
        match kept {
            Ok(()) => Outcome::Parked,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event could not be parked");
                Outcome::Retry
            }
        }
    }
}
