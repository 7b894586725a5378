use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{EventId, Random, Time};
use model::event::{Envelope, Event, OUTBOX};
use store::{Backend, CommitListener, Cursor, Database, Direction, Op, Precondition, Store, Transaction, Write};

/// An event with the id and time it got before its transaction began.
#[derive(Debug, Clone)]
pub struct Occurred<E> {
    id: EventId,
    at: Time,
    event: E,
}

impl<E: Event> Occurred<E> {
    /// `event` happens at `at`.
    pub fn new(event: E, at: Time, random: &dyn Random) -> Self {
        Self { id: EventId::generate(random), at, event }
    }

    /// The same occurrence with what only the transaction can know.
    #[must_use]
    pub fn with(&self, event: E) -> Self {
        Self { id: self.id.clone(), at: self.at, event }
    }
}

/// Emitting events from a transaction.
pub trait Emit {
    /// Writes the event with the transaction's data.
    fn emit<E: Event>(&self, occurred: &Occurred<E>) -> Result<(), store::Error>;
}

impl Emit for Transaction {
    fn emit<E: Event>(&self, occurred: &Occurred<E>) -> Result<(), store::Error> {
        let unstorable = |source| store::Error::Unstorable { collection: OUTBOX.path(), source };
        let envelope = Envelope {
            id: occurred.id.clone(),
            name: E::NAME.to_owned(),
            tenant: self.tenant().clone(),
            occurred_at: occurred.at,
            lane: occurred.event.lane(),
            data: serde_json::to_value(&occurred.event).map_err(unstorable)?,
        };
        self.create(&OUTBOX, occurred.id.as_str(), &envelope)
    }
}

/// Why events could not be published. They stay in the outbox.
#[derive(Debug, thiserror::Error)]
#[error("events could not be published")]
pub struct PublishError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Carries events to the handlers, in this process or over Pub/Sub.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Takes these events over. `Ok(true)` says that the bus now keeps them safe by itself, so that their outbox
    /// documents can go; `Ok(false)` that it removes each when it is handled.
    async fn publish(&self, envelopes: Vec<Envelope>) -> Result<bool, PublishError>;

    /// Whether the bus can be reached.
    async fn check(&self) -> Result<(), PublishError>;
}

/// How long a request waits for its events to be published. What takes longer is the sweeper's.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Publishes what a commit put into the outbox, at once.
pub struct Outbox {
    bus: Arc<dyn Bus>,
    backend: Arc<dyn Backend>,
}

impl Outbox {
    /// Publishes to `bus`; `backend` is where outbox documents are removed from.
    pub fn new(bus: Arc<dyn Bus>, backend: Arc<dyn Backend>) -> Self {
        Self { bus, backend }
    }
}

#[async_trait]
impl CommitListener for Outbox {
    async fn committed(&self, database: &Database, writes: &[Write]) {
        let outbox = OUTBOX.path();
        let mut envelopes = Vec::new();
        for write in writes {
            if let Write::Put { key, fields, .. } = write
                && key.collection == outbox
                && let Ok(envelope) = serde_json::from_value(fields.clone().into())
            {
                envelopes.push(envelope);
            }
        }
        if envelopes.is_empty() {
            return;
        }
        let keys: Vec<_> =
            envelopes.iter().map(|e: &Envelope| store::Key::new(outbox.clone(), e.id.as_str())).collect();
        let published = tokio::time::timeout(PATIENCE, self.bus.publish(envelopes)).await;
        match published.unwrap_or_else(|late| Err(PublishError(late.into()))) {
            Ok(true) => {
                let deletes: Vec<_> =
                    keys.into_iter().map(|key| Write::Delete { key, precondition: Precondition::None }).collect();
                if let Err(error) = self.backend.commit(database, &deletes).await {
                    // Harmless: the sweeper publishes them again and handlers take an event once.
                    tracing::warn!(error = &error as &dyn std::error::Error, "published events stay in the outbox");
                }
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "events wait in the outbox for the sweeper");
            }
        }
    }
}

/// How many events are read from an outbox at a time.
const SWEPT_AT_ONCE: u32 = 200;

/// Publishes all that was left in a tenant's outbox for longer than `age`, oldest first, and says how many.
pub async fn sweep(store: &Store, bus: &dyn Bus, now: Time, age: Duration) -> Result<usize, SweepError> {
    let old = OUTBOX.all().filter("occurredAt", Op::LessOrEqual, now.minus(age).to_string());
    let mut page = old.order("occurredAt", Direction::Ascending).limit(SWEPT_AT_ONCE);
    let mut published = 0;
    loop {
        let left = store.query(&OUTBOX, &page).await?;
        if published == 0 {
            tell_age(store, left.first().map(|oldest| oldest.value.occurred_at), now);
        }
        let Some(last) = left.last() else { return Ok(published) };
        let place = Cursor { values: vec![last.value.occurred_at.to_string().into()], id: last.id.clone() };
        let ids: Vec<String> = left.iter().map(|doc| doc.id.clone()).collect();
        if bus.publish(left.into_iter().map(|doc| doc.value).collect()).await? {
            store
                .transact("outbox-swept", async |tx| {
                    ids.iter().for_each(|id| tx.delete(&OUTBOX, id));
                    Ok::<_, store::Error>(())
                })
                .await?;
        }
        published += ids.len();
        page = page.after(Some(place));
    }
}

/// How old the oldest event is that was found: `outbox_oldest_seconds`, 0 where all were published at once. An alert belongs
/// on it.
fn tell_age(store: &Store, oldest: Option<Time>, now: Time) {
    let seconds = oldest.map_or(0, |oldest| now.since(oldest).as_secs());
    let tenant = &store.database().tenant;
    tracing::info!(target: "metric", metric = "outbox_oldest_seconds", seconds, %tenant, "the outbox was swept");
}

/// Why a sweep failed; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The bus failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
}
