//! What happens while Pub/Sub is away, and after.

use std::sync::Arc;
use std::time::Duration;

use events::{Bus, Live, Signal, SignalKind};
use events_pubsub::{LIVE_TOPIC, PubsubBus, PubsubConfig, PubsubLive, setup};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::common::{log_grew, project, soon};

/// The deadline of every call, and some room for a busy machine.
const DEADLINE: Duration = Duration::from_secs(8);

fn inbox(user: &str) -> Signal {
    Signal { tenant: "clinic-a".parse().unwrap(), users: vec![user.parse().unwrap()], kind: SignalKind::Inbox }
}

/// Every call to this host fails within its deadline, and shutting down does not wait either.
async fn all_fail(host: String) {
    let config = PubsubConfig::new("p", Some(host));
    let bus = PubsubBus::new(config.clone());
    let live = PubsubLive::new(config, "one".to_owned());
    let started = Instant::now();
    let (published, checked, signalled, subscribed) = tokio::join!(
        bus.publish(vec![log_grew("event-1")]),
        bus.check(),
        live.publish(inbox("user-1")),
        live.subscribe(),
    );
    published.unwrap_err();
    checked.unwrap_err();
    signalled.unwrap_err();
    subscribed.unwrap_err();
    assert!(started.elapsed() < DEADLINE, "{:?}", started.elapsed());
    let closing = Instant::now();
    live.close().await;
    assert!(closing.elapsed() < DEADLINE, "{:?}", closing.elapsed());
}

#[tokio::test]
async fn where_nobody_listens_calls_fail_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    all_fail(host).await;
}

#[tokio::test]
async fn where_nobody_answers_calls_fail_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    all_fail(listener.local_addr().unwrap().to_string()).await;
}

#[tokio::test]
async fn a_bus_recovers_from_an_outage() {
    let Some(config) = project() else { return };
    setup::ensure_topic(&config, "events-chats").await.unwrap();
    let proxy = Proxy::before(config.emulator_host.clone().unwrap()).await;
    let bus = PubsubBus::new(PubsubConfig { emulator_host: Some(proxy.host.clone()), ..config });
    bus.publish(vec![log_grew("event-1")]).await.unwrap();

    proxy.close().await;
    bus.publish(vec![log_grew("event-2")]).await.unwrap_err();

    proxy.open().await;
    soon(async { while bus.publish(vec![log_grew("event-2")]).await.is_err() {} }).await;
}

#[tokio::test]
async fn a_pull_goes_on_after_its_connection_was_cut() {
    let Some(config) = project() else { return };
    setup::ensure_topic(&config, LIVE_TOPIC).await.unwrap();
    let proxy = Proxy::before(config.emulator_host.clone().unwrap()).await;
    let sender = PubsubLive::new(config.clone(), "sender".to_owned());
    let live = PubsubLive::new(PubsubConfig { emulator_host: Some(proxy.host.clone()), ..config }, "one".to_owned());
    let mut signals = live.subscribe().await.unwrap();
    sender.publish(inbox("user-1")).await.unwrap();
    assert_eq!(soon(signals.recv()).await.unwrap(), inbox("user-1"));

    proxy.close().await;
    proxy.open().await;

    // The emulator goes on sending to the stream that was cut, too, and then only tries another one after ten seconds.
    // So this rings until it is heard.
    let heard = async { while signals.recv().await.unwrap() != inbox("user-2") {} };
    let ringing = async {
        loop {
            sender.publish(inbox("user-2")).await.unwrap();
        }
    };
    soon(async {
        tokio::select! { () = heard => {}, () = ringing => {} }
    })
    .await;
    live.close().await;
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_made_again() {
    let Some(config) = project() else { return };
    setup::ensure_topic(&config, LIVE_TOPIC).await.unwrap();
    let live = PubsubLive::new(config.clone(), "one".to_owned());
    let mut signals = live.subscribe().await.unwrap();
    live.publish(inbox("user-1")).await.unwrap();
    assert_eq!(soon(signals.recv()).await.unwrap(), inbox("user-1"));

    setup::delete_subscription(&config, "live-one").await.unwrap();
    soon(async { while crate::common::subscriptions(&config).await.is_empty() {} }).await;

    live.publish(inbox("user-2")).await.unwrap();
    soon(async { while signals.recv().await.unwrap() != inbox("user-2") {} }).await;
    live.close().await;
}

/// A TCP proxy before the emulator. Closed, it has cut all connections and cuts every new one.
struct Proxy {
    host: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    connections: JoinSet<()>,
}

impl Proxy {
    async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut state = shared.lock().await;
                if state.is_closed {
                    continue;
                }
                let mut server = TcpStream::connect(&target).await.unwrap();
                state.connections.spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { host, state }
    }

    async fn close(&self) {
        let mut state = self.state.lock().await;
        state.is_closed = true;
        state.connections.shutdown().await;
    }

    async fn open(&self) {
        self.state.lock().await.is_closed = false;
    }
}
