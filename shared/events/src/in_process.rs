use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::{Clock, TenantId};
use model::event::{Envelope, OUTBOX};
use parking_lot::Mutex;
use store::Store;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use crate::{Bus, Handler, Handlers, Live, LiveError, Outcome, PublishError, Signal};

/// Events of one lane run one after the other; lanes run side by side.
const LANES: usize = 8;
/// Events without a lane wait for none, since one may take minutes; so many of them run at once.
const WITHOUT_LANE: usize = 32;
/// After so many failures an event is parked.
const MAX_ATTEMPTS: u32 = 10;

/// How the bus finds a tenant's store.
pub type OpenStore = Arc<dyn Fn(TenantId) -> BoxFuture<'static, Option<Store>> + Send + Sync>;

/// The bus of a single process. Events are safe in the outbox until every handler has had them: after a crash the
/// sweeper brings them back.
pub struct InProcessBus {
    lanes: Vec<mpsc::UnboundedSender<Arc<Envelope>>>,
    worker: Arc<Worker>,
}

struct Worker {
    handlers: Arc<OnceLock<Handlers>>,
    open: OpenStore,
    clock: Arc<dyn Clock>,
    in_flight: Mutex<HashSet<String>>,
    waiting: watch::Sender<usize>,
    without_lane: Semaphore,
}

impl InProcessBus {
    /// A bus that begins to deliver once `handlers` is set.
    pub fn start(handlers: Arc<OnceLock<Handlers>>, open: OpenStore, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (waiting, _) = watch::channel(0);
        let without_lane = Semaphore::new(WITHOUT_LANE);
        let worker = Arc::new(Worker { handlers, open, clock, in_flight: Mutex::default(), waiting, without_lane });
        let lanes = (0..LANES)
            .map(|_| {
                let (sender, mut receiver) = mpsc::unbounded_channel::<Arc<Envelope>>();
                let worker = worker.clone();
                tokio::spawn(async move {
                    while let Some(envelope) = receiver.recv().await {
                        worker.take(&envelope).await;
                    }
                });
                sender
            })
            .collect();
        Arc::new(Self { lanes, worker })
    }

    /// Waits until nothing is in flight, events that handlers emit included. For tests and for shutdown.
    pub async fn settle(&self) {
        // A handler's own events are counted in before its event is counted out, so zero means all of them.
        let _ = self.worker.waiting.subscribe().wait_for(|waiting| *waiting == 0).await;
    }
}

impl Worker {
    async fn take(&self, envelope: &Envelope) {
        self.handle(envelope).await;
        self.in_flight.lock().remove(envelope.id.as_str());
        self.waiting.send_modify(|n| *n = n.saturating_sub(1));
    }

    async fn handle(&self, envelope: &Envelope) {
        let Some(store) = (self.open)(envelope.tenant.clone()).await else {
            tracing::error!(tenant = %envelope.tenant, event_id = %envelope.id, "an event's tenant cannot be opened");
            return;
        };
        let Some(handlers) = self.handlers.get() else { return };
        let runs: Vec<_> =
            handlers.of(&envelope.name).cloned().map(|handler| self.run(handler, envelope, &store)).collect();
        let all_done = futures::future::join_all(runs).await;
        if !all_done.into_iter().all(|done| done) {
            return;
        }
        let removed = store
            .transact("outbox-done", async |tx| {
                tx.delete(&OUTBOX, envelope.id.as_str());
                Ok::<_, store::Error>(())
            })
            .await;
        if let Err(error) = removed {
            tracing::warn!(error = &error as &dyn std::error::Error, "a handled event stays in the outbox");
        }
    }

    /// Whether the handler has done with the event.
    async fn run(&self, handler: Handler, envelope: &Envelope, store: &Store) -> bool {
        for attempt in 1..=MAX_ATTEMPTS {
            // A panic must not take the lane's task with it.
            let delivery = AssertUnwindSafe(handler.deliver(envelope, store, self.clock.now())).catch_unwind();
            match delivery.await {
                Ok(Outcome::Done | Outcome::Parked) => return true,
                Ok(Outcome::Retry) | Err(_) => tokio::time::sleep(Duration::from_millis(20 << attempt.min(9))).await,
            }
        }
        let reason = format!("failed {MAX_ATTEMPTS} times; the log has the causes");
        matches!(handler.park(envelope, store, reason, self.clock.now()).await, Outcome::Parked)
    }
}

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, envelopes: Vec<Envelope>) -> Result<bool, PublishError> {
        for envelope in envelopes {
            if !self.worker.in_flight.lock().insert(envelope.id.to_string()) {
                continue;
            }
            self.worker.waiting.send_modify(|waiting| *waiting += 1);
            let Some(lane) = &envelope.lane else {
                let worker = self.worker.clone();
                tokio::spawn(async move {
                    // It is never closed; an error would only lift the limit.
                    let _permit = worker.without_lane.acquire().await;
                    worker.take(&envelope).await;
                });
                continue;
            };
            let mut hasher = DefaultHasher::new();
            envelope.tenant.hash(&mut hasher);
            lane.hash(&mut hasher);
            let lane = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
            self.lanes[lane].send(Arc::new(envelope)).map_err(|error| PublishError(error.into()))?;
        }
        Ok(false)
    }

    async fn check(&self) -> Result<(), PublishError> {
        Ok(())
    }
}

/// Signals within one process.
pub struct InProcessLive {
    sender: broadcast::Sender<Signal>,
}

impl Default for InProcessLive {
    fn default() -> Self {
        Self { sender: broadcast::channel(4096).0 }
    }
}

#[async_trait]
impl Live for InProcessLive {
    async fn publish(&self, signal: Signal) -> Result<(), LiveError> {
        // Nobody listening is no fault.
        let _ = self.sender.send(signal);
        Ok(())
    }

    async fn subscribe(&self) -> Result<broadcast::Receiver<Signal>, LiveError> {
        Ok(self.sender.subscribe())
    }

    async fn close(&self) {}
}
