//! The way of an event in one process, on a real store: from a transaction over the outbox to its handlers.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as the tests do")]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use events::{
    Bus, Delivery, Emit, Failure, Handler, Handlers, InProcessBus, Occurred, OpenStore, Outbox, PublishError, sweep,
};
use kernel::{Clock, Random, Time};
use model::event::{Envelope, Event, OUTBOX, PARKED};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Backend, Collection, Database, Store};
use store_sqlite::SqliteBackend;

/// A step of some lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stepped {
    lane: String,
    step: u32,
}

impl Event for Stepped {
    const NAME: &'static str = "tests.stepped";

    fn lane(&self) -> Option<String> {
        Some(self.lane.clone())
    }
}

/// What handlers did: how often they took a step, by lane and step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Taken {
    times: u32,
}

const TAKEN: Collection<Taken> = Collection::top("taken", &[]);

#[derive(Clone, Copy)]
struct Now(Time);

impl Clock for Now {
    fn now(&self) -> Time {
        self.0
    }
}

/// Counts instead of throwing dice.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
    }
}

/// A store, its bus, and the handlers of a test.
#[derive(Clone)]
struct Ground {
    /// Publishes what it commits.
    store: Store,
    /// Publishes nothing: as if the process had died after the commit.
    silent: Store,
    bus: Arc<InProcessBus>,
    random: Arc<Counting>,
    now: Time,
}

impl Ground {
    /// `handler` makes the one handler from what the handler's transactions go to.
    fn with(handler: impl Fn(Store, Time) -> Handler) -> Self {
        let now: Time = "2024-01-15T10:00:00Z".parse().unwrap();
        let random = Arc::new(Counting::default());
        let backend: Arc<dyn Backend> = Arc::new(SqliteBackend::in_memory(Vec::new()));
        let database = Database {
            tenant: "clinic-a".parse().unwrap(),
            project: String::new(),
            name: "clinic-a".to_owned(),
            prefix: String::new(),
        };
        let silent = Store::new(Arc::clone(&backend), database, random.clone());
        let opened = silent.clone();
        let open: OpenStore = Arc::new(move |_| {
            let store = opened.clone();
            Box::pin(async { Some(store) })
        });
        let handlers = Arc::new(OnceLock::new());
        let bus = InProcessBus::start(Arc::clone(&handlers), open, Arc::new(Now(now)));
        let store = silent.clone().with_listener(Arc::new(Outbox::new(bus.clone(), backend)));
        assert!(handlers.set(Handlers::new(vec![handler(store.clone(), now)])).is_ok());
        Self { store, silent, bus, random, now }
    }

    /// Emits steps of a lane, each in a transaction of its own.
    async fn step(&self, store: &Store, lane: &str, steps: std::ops::Range<u32>) {
        for step in steps {
            let event = Stepped { lane: lane.to_owned(), step };
            let occurred = Occurred::new(event, self.now, self.random.as_ref());
            store.transact("step", async |tx| tx.emit(&occurred)).await.unwrap();
        }
    }

    /// Waits until everything that was published is handled.
    async fn settle(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.bus.settle()).await.unwrap();
    }

    /// How often a step was taken.
    async fn times(&self, lane: &str, step: u32) -> u32 {
        let taken = self.store.get(&TAKEN, &format!("{lane}-{step}")).await.unwrap();
        taken.map_or(0, |taken| taken.value.times)
    }

    async fn outbox(&self) -> Vec<Envelope> {
        let waiting = self.store.query(&OUTBOX, &OUTBOX.all()).await.unwrap();
        waiting.into_iter().map(|doc| doc.value).collect()
    }

    async fn parked(&self) -> Vec<String> {
        let parked = self.store.query(&PARKED, &PARKED.all()).await.unwrap();
        parked.into_iter().map(|doc| doc.value.reason).collect()
    }
}

/// Takes a step: the effect and the mark that it was had, in one transaction.
async fn take(store: &Store, now: Time, delivery: &Delivery<Stepped>) -> Result<(), Failure> {
    let id = format!("{}-{}", delivery.event.lane, delivery.event.step);
    let work = async |tx: store::Transaction| {
        let times = tx.get(&TAKEN, &id).await?.map_or(0, |taken: store::Doc<Taken>| taken.value.times);
        delivery.mark(&tx, now)?;
        tx.put(&TAKEN, &id, &Taken { times: times + 1 })
    };
    Ok(store.transact("take", work).await?)
}

/// A handler that takes steps, after `before` agreed.
fn taking(
    store: Store,
    now: Time,
    before: impl Fn(&Stepped) -> Result<(), Failure> + Clone + Send + Sync + 'static,
) -> Handler {
    let run = move |envelope: Envelope| {
        let (store, before) = (store.clone(), before.clone());
        Box::pin(async move {
            let delivery = Delivery::<Stepped>::decode(&envelope, "tests.take")?;
            before(&delivery.event)?;
            take(&store, now, &delivery).await
        }) as futures::future::BoxFuture<'static, Result<(), Failure>>
    };
    Handler { event: Stepped::NAME, name: "tests.take", run: Arc::new(run) }
}

#[tokio::test]
async fn what_a_transaction_emits_is_handled_once_and_leaves_the_outbox() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));

    ground.step(&ground.store, "a", 0..1).await;
    ground.settle().await;

    assert_eq!(ground.times("a", 0).await, 1);
    assert_eq!(ground.outbox().await, []);
    assert_eq!(ground.parked().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_rolled_back_never_happened() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));
    let occurred = Occurred::new(Stepped { lane: "a".to_owned(), step: 0 }, ground.now, ground.random.as_ref());

    let refused = ground.store.transact("refused", async |tx| {
        tx.emit(&occurred)?;
        tx.put(&TAKEN, "../x", &Taken { times: 0 })
    });
    refused.await.unwrap_err();
    ground.settle().await;

    assert_eq!(ground.times("a", 0).await, 0);
    assert_eq!(ground.outbox().await, []);
}

#[tokio::test]
async fn a_handler_that_fails_twice_is_tried_again_and_takes_effect_once() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let ground = Ground::with(|store, now| {
        let counted = Arc::clone(&counted);
        taking(store, now, move |_| match counted.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Failure::Retry("the partner does not answer".into())),
            _ => Ok(()),
        })
    });

    ground.step(&ground.store, "a", 0..1).await;
    ground.settle().await;

    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(ground.times("a", 0).await, 1);
    assert_eq!(ground.outbox().await, []);
    assert_eq!(ground.parked().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_handler_gives_up_is_parked_with_its_reason() {
    let ground = Ground::with(|store, now| {
        taking(store, now, |event| match event.step {
            0 => Err(Failure::GiveUp("step 0 cannot be taken".to_owned())),
            _ => Ok(()),
        })
    });

    ground.step(&ground.store, "a", 0..2).await;
    ground.settle().await;

    assert_eq!(ground.parked().await, ["step 0 cannot be taken"]);
    assert_eq!(ground.times("a", 0).await, 0);
    assert_eq!(ground.times("a", 1).await, 1, "the lane goes on behind a parked event");
    assert_eq!(ground.outbox().await, [], "a parked event is done with");
}

#[tokio::test]
async fn what_is_not_of_its_names_form_is_parked() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));
    ground.step(&ground.silent, "a", 0..1).await;
    let mut envelope = ground.outbox().await.remove(0);
    envelope.data = serde_json::json!({"lane": "a"});

    ground.bus.publish(vec![envelope]).await.unwrap();
    ground.settle().await;

    let parked = ground.parked().await;
    assert!(parked.len() == 1 && parked[0].contains("missing field `step`"), "{parked:?}");
}

#[tokio::test]
async fn a_second_delivery_has_no_second_effect() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));
    ground.step(&ground.silent, "a", 0..1).await;
    let envelopes = ground.outbox().await;

    for _ in 0..2 {
        ground.bus.publish(envelopes.clone()).await.unwrap();
        ground.settle().await;
    }

    assert_eq!(ground.times("a", 0).await, 1);
    assert_eq!(ground.parked().await, Vec::<String>::new(), "that it was had before is no failure");
    assert_eq!(ground.outbox().await, []);
}

#[tokio::test]
async fn the_sweep_finds_what_was_never_published() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));
    ground.step(&ground.silent, "a", 0..3).await;
    ground.settle().await;
    assert_eq!(ground.times("a", 0).await, 0);
    let age = Duration::from_secs(30);

    let too_young = ground.now.plus(age).minus(Duration::from_millis(1));
    assert_eq!(sweep(&ground.store, ground.bus.as_ref(), too_young, age).await.unwrap(), 0);
    assert_eq!(sweep(&ground.store, ground.bus.as_ref(), ground.now.plus(age), age).await.unwrap(), 3);
    ground.settle().await;

    for step in 0..3 {
        assert_eq!(ground.times("a", step).await, 1);
    }
    assert_eq!(ground.outbox().await, []);
    assert_eq!(sweep(&ground.store, ground.bus.as_ref(), ground.now.plus(age), age).await.unwrap(), 0);
}

/// A bus that is away at first, then keeps events safe by itself.
#[derive(Default)]
struct Away {
    tries: AtomicU32,
    kept: Mutex<Vec<Envelope>>,
}

#[async_trait]
impl Bus for Away {
    async fn publish(&self, envelopes: Vec<Envelope>) -> Result<bool, PublishError> {
        if self.tries.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(PublishError("away".into()));
        }
        self.kept.lock().extend(envelopes);
        Ok(true)
    }

    async fn check(&self) -> Result<(), PublishError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_bus_that_is_away_loses_nothing_and_one_that_keeps_events_empties_the_outbox() {
    let ground = Ground::with(|store, now| taking(store, now, |_| Ok(())));
    ground.step(&ground.silent, "a", 0..2).await;
    let waiting = ground.outbox().await;
    let bus = Away::default();

    sweep(&ground.store, &bus, ground.now, Duration::ZERO).await.unwrap_err();
    assert_eq!(ground.outbox().await, waiting);

    assert_eq!(sweep(&ground.store, &bus, ground.now, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(ground.outbox().await, []);
    assert_eq!(*bus.kept.lock(), waiting);
}

#[tokio::test]
async fn events_of_one_lane_run_in_their_order() {
    let order: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
    let noted = Arc::clone(&order);
    let failed = Arc::new(AtomicU32::new(0));
    let ground = Ground::with(|store, now| {
        let (noted, failed) = (Arc::clone(&noted), Arc::clone(&failed));
        taking(store, now, move |event| {
            // What fails at first holds up its lane and is not overtaken.
            if event.step == 3 && event.lane == "a" && failed.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Failure::Retry("not yet".into()));
            }
            noted.lock().push((event.lane.clone(), event.step));
            Ok(())
        })
    });

    let (a, b) = (ground.step(&ground.store, "a", 0..10), ground.step(&ground.store, "b", 0..10));
    tokio::join!(a, b);
    ground.settle().await;

    for lane in ["a", "b"] {
        let steps: Vec<_> = order.lock().iter().filter(|(of, _)| of == lane).map(|(_, step)| *step).collect();
        assert_eq!(steps, (0..10).collect::<Vec<_>>(), "lane {lane}");
    }
}

/// Something of no lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Loose {
    number: u32,
}

impl Event for Loose {
    const NAME: &'static str = "tests.loose";
}

#[tokio::test]
async fn events_without_a_lane_wait_for_no_other() {
    const QUICK: u32 = 20;
    let (done, _) = tokio::sync::watch::channel(0);
    let ground = Ground::with(|_, _| {
        let done = done.clone();
        // The first one waits for all the others.
        let run = move |envelope: Envelope| {
            let done = done.clone();
            Box::pin(async move {
                let delivery = Delivery::<Loose>::decode(&envelope, "tests.loose")?;
                if delivery.event.number == 0 {
                    done.subscribe().wait_for(|count| *count == QUICK).await.map_err(|e| Failure::Retry(e.into()))?;
                } else {
                    done.send_modify(|count| *count += 1);
                }
                Ok(())
            }) as futures::future::BoxFuture<'static, Result<(), Failure>>
        };
        Handler { event: Loose::NAME, name: "tests.loose", run: Arc::new(run) }
    });

    for number in 0..=QUICK {
        let occurred = Occurred::new(Loose { number }, ground.now, ground.random.as_ref());
        ground.store.transact("loose", async |tx| tx.emit(&occurred)).await.unwrap();
    }
    ground.settle().await;

    assert_eq!(*done.borrow(), QUICK);
    assert_eq!(ground.outbox().await, []);
}
