use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::{Live, LiveError, Signal, SignalKind};
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::model::{ExpirationPolicy, Message};
use google_cloud_wkt as wkt;
use kernel::{Clock, SystemClock, Time};
use tokio::sync::{Mutex, broadcast, watch};
use tokio::task::JoinHandle;

use crate::connection::{Connection, unless, within};
use crate::failure::is;
use crate::{LIVE_TOPIC, PubsubConfig, PubsubError};

/// So many signals wait for a slow receiver; then it loses the oldest.
const CAPACITY: usize = 4096;
/// A passing signal that took longer is of no use to anyone.
const PASSING_LIFE: Duration = Duration::from_secs(30);
/// How long Pub/Sub waits for an acknowledgement: its least.
const ACK_DEADLINE: Duration = Duration::from_secs(10);
const ACK_DEADLINE_SECONDS: i32 = 10;
/// How long Pub/Sub keeps a signal for an instance that does not pull: its least.
const RETENTION_SECONDS: i64 = 10 * 60;
/// When Pub/Sub removes the subscription of an instance that crashed: its least.
const EXPIRATION_SECONDS: i64 = 24 * 60 * 60;
/// How long to wait before a pull that ended begins again, at first and at most.
const PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How long the last acknowledgements, and then the deletion, may take at the end: a stopping container has ten seconds
/// for everything.
const GOODBYE: Duration = Duration::from_secs(1);

/// Signals over the topic `live-signals`. Every instance has a subscription of its own, `live-<instance>`.
pub struct PubsubLive {
    connection: Arc<Connection>,
    /// The subscription's full name.
    subscription: String,
    clock: Arc<dyn Clock>,
    signals: broadcast::Sender<Signal>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the subscription may exist; it was asked for.
    asked: bool,
    pull: Option<Pull>,
    closed: bool,
}

/// The task that pulls; it ends when it is told so, or when this is dropped.
struct Pull {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl PubsubLive {
    /// Signals for this instance, whose name no other has. Connects when it is first used.
    pub fn new(config: PubsubConfig, instance: String) -> Self {
        Self {
            subscription: config.subscription(&format!("live-{instance}")),
            connection: Arc::new(Connection::new(config)),
            clock: Arc::new(SystemClock),
            signals: broadcast::channel(CAPACITY).0,
            state: Mutex::default(),
        }
    }

    /// With another clock to tell which signals are too old.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn start(&self) -> Pull {
        let (stop, stopped) = watch::channel(false);
        let puller = Puller {
            connection: Arc::clone(&self.connection),
            subscription: self.subscription.clone(),
            clock: Arc::clone(&self.clock),
            signals: self.signals.clone(),
        };
        Pull { stop, task: tokio::spawn(puller.run(stopped)) }
    }
}

#[async_trait]
impl Live for PubsubLive {
    async fn publish(&self, signal: Signal) -> Result<(), LiveError> {
        let data = serde_json::to_vec(&signal).map_err(|error| LiveError(error.into()))?;
        let message = Message::new().set_data(data);
        self.connection.publish(vec![(LIVE_TOPIC.to_owned(), message)]).await.map_err(boxed)
    }

    async fn subscribe(&self) -> Result<broadcast::Receiver<Signal>, LiveError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(boxed(PubsubError::Closed));
        }
        if state.pull.is_none() {
            state.asked = true;
            ensure(&self.connection, &self.subscription).await.map_err(boxed)?;
            state.pull = Some(self.start());
        }
        Ok(self.signals.subscribe())
    }

    async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        if let Some(pull) = state.pull.take() {
            let _ = pull.stop.send(true);
            // It leaves its stream within a second; deleting while it pulls would only make it complain.
            if tokio::time::timeout(GOODBYE * 2, pull.task).await.is_err() {
                tracing::warn!("the pull of live signals did not end in time");
            }
        }
        if !std::mem::take(&mut state.asked) {
            return;
        }
        match tokio::time::timeout(GOODBYE * 2, delete(&self.connection, &self.subscription)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a live subscription stays until it expires");
            }
            Err(_) => tracing::warn!("a live subscription may stay until it expires: no answer to its deletion"),
        }
    }
}

struct Puller {
    connection: Arc<Connection>,
    subscription: String,
    clock: Arc<dyn Clock>,
    signals: broadcast::Sender<Signal>,
}

/// Why a stream of messages is over.
enum End {
    Stopped,
    Lost { was_of_use: bool, error: PubsubError },
}

impl Puller {
    /// Pulls until it is stopped. A subscription that is gone is made again.
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut pause = PAUSE;
        while let End::Lost { was_of_use, error } = self.stream(&mut stopped).await {
            if was_of_use {
                pause = PAUSE;
            }
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                pause_ms = pause.as_millis(),
                "the pull of live signals ended and begins again"
            );
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(MAX_PAUSE);
            if let Err(error) = ensure(&self.connection, &self.subscription).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the live subscription cannot be made again");
            }
        }
    }

    async fn stream(&self, stopped: &mut watch::Receiver<bool>) -> End {
        let mut was_of_use = false;
        let subscriber = match self.connection.subscriber().await {
            Ok(subscriber) => subscriber,
            Err(error) => return End::Lost { was_of_use, error },
        };
        let mut messages = subscriber.subscribe(&self.subscription).set_max_lease_extension(ACK_DEADLINE).build();
        let shutdown = messages.shutdown_token();
        let end = loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break End::Stopped,
                next = messages.next() => match next {
                    Some(Ok((message, handler))) => {
                        // A doorbell that was heard, or that nobody can make out, need not ring again.
                        handler.ack();
                        was_of_use = true;
                        self.deliver(&message);
                    }
                    Some(Err(error)) => {
                        break End::Lost { was_of_use, error: PubsubError::of("pull", &self.subscription, &error) };
                    }
                    None => break End::Lost { was_of_use, error: PubsubError::Ended(self.subscription.clone()) },
                },
            }
        };
        // Lets the acknowledgements out. There is nothing else to wait for: no handler is kept.
        let _ = tokio::time::timeout(GOODBYE, shutdown.shutdown()).await;
        end
    }

    fn deliver(&self, message: &Message) {
        let signal: Signal = match serde_json::from_slice(&message.data) {
            Ok(signal) => signal,
            Err(error) => {
                let line = error.line();
                tracing::warn!(message_id = message.message_id, line, "a message of live-signals is no signal");
                return;
            }
        };
        if !is_too_old(&signal.kind, message.publish_time.as_ref(), self.clock.now()) {
            // That nobody listens is no fault.
            let _ = self.signals.send(signal);
        }
    }
}

/// Whether a signal comes too late to be shown. Only passing ones do.
fn is_too_old(kind: &SignalKind, published: Option<&wkt::Timestamp>, now: Time) -> bool {
    let SignalKind::Passing { .. } = kind else { return false };
    let Some(published) = published else { return false };
    let millis = published.seconds() * 1000 + i64::from(published.nanos() / 1_000_000);
    now.since(Time::from_millis(millis)) > PASSING_LIFE
}

/// Makes an instance's subscription where there is none.
async fn ensure(connection: &Connection, subscription: &str) -> Result<(), PubsubError> {
    let topic = connection.config.topic(LIVE_TOPIC);
    within("create", subscription, async {
        let admin = connection.subscriptions().await?;
        let ttl = wkt::Duration::clamp(EXPIRATION_SECONDS, 0);
        let create = admin
            .create_subscription()
            .set_name(subscription)
            .set_topic(&topic)
            .set_ack_deadline_seconds(ACK_DEADLINE_SECONDS)
            .set_message_retention_duration(wkt::Duration::clamp(RETENTION_SECONDS, 0))
            .set_expiration_policy(ExpirationPolicy::new().set_ttl(ttl));
        unless(Code::AlreadyExists, create.send().await).map_err(|error| match is(&error, Code::NotFound) {
            true => PubsubError::NoTopic { topic: topic.clone() },
            false => PubsubError::of("create", subscription, &error),
        })
    })
    .await
}

/// Deletes a subscription if it is there.
pub(crate) async fn delete(connection: &Connection, subscription: &str) -> Result<(), PubsubError> {
    within("delete", subscription, async {
        let admin = connection.subscriptions().await?;
        let deleted = admin.delete_subscription().set_subscription(subscription).send().await;
        unless(Code::NotFound, deleted).map_err(|error| PubsubError::of("delete", subscription, &error))
    })
    .await
}

fn boxed(error: PubsubError) -> LiveError {
    LiveError(error.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct At(Time);

    impl Clock for At {
        fn now(&self) -> Time {
            self.0
        }
    }

    /// What reaches a receiver of messages that were published at second 0, the given number of seconds later.
    async fn delivered(seconds: u64, data: &[&str]) -> Vec<SignalKind> {
        let (signals, mut receiver) = broadcast::channel(8);
        let puller = Puller {
            connection: Arc::new(Connection::new(PubsubConfig::new("p", None))),
            subscription: "projects/p/subscriptions/live-one".to_owned(),
            clock: Arc::new(At(Time::from_millis(0).plus(Duration::from_secs(seconds)))),
            signals,
        };
        for data in data {
            let published = wkt::Timestamp::clamp(0, 0);
            puller.deliver(&Message::new().set_data(data.to_string()).set_publish_time(published));
        }
        drop(puller);
        let mut kinds = Vec::new();
        while let Ok(signal) = receiver.recv().await {
            kinds.push(signal.kind);
        }
        kinds
    }

    const INBOX: &str = r#"{"tenant":"t","users":["u"],"kind":{"kind":"inbox"}}"#;
    const PASSING: &str = r#"{"tenant":"t","users":["u"],"kind":{"kind":"passing","event":"typing","data":1}}"#;

    #[tokio::test]
    async fn a_late_passing_signal_is_dropped_and_a_late_doorbell_rings() {
        let passing = SignalKind::Passing { event: "typing".to_owned(), data: json!(1) };
        assert_eq!(delivered(30, &[PASSING, INBOX]).await, [passing, SignalKind::Inbox]);
        assert_eq!(delivered(31, &[PASSING, INBOX]).await, [SignalKind::Inbox]);
    }

    #[tokio::test]
    async fn what_is_no_signal_is_left_out() {
        assert_eq!(delivered(0, &["", "{}", r#"{"tenant":"../x"}"#, INBOX]).await, [SignalKind::Inbox]);
    }
}
