//! Events on their way to a push endpoint.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::Bus;
use events_pubsub::{PubsubBus, PubsubConfig, setup};
use model::event::Envelope;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::common::{log_grew, project, soon};

/// An endpoint that takes what is pushed to it.
struct Endpoint {
    url: String,
    bodies: mpsc::UnboundedReceiver<Value>,
}

impl Endpoint {
    async fn open() -> Self {
        let (sender, bodies) = mpsc::unbounded_channel();
        let router = Router::new().fallback(take).with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, bodies }
    }

    /// The next body that is pushed.
    async fn next(&mut self) -> Value {
        soon(self.bodies.recv()).await.unwrap()
    }
}

async fn take(State(bodies): State<mpsc::UnboundedSender<Value>>, body: String) -> StatusCode {
    bodies.send(serde_json::from_str(&body).unwrap()).unwrap();
    StatusCode::NO_CONTENT
}

/// A topic of a family whose messages are pushed to an endpoint.
async fn pushed(config: &PubsubConfig, family: &str) -> Endpoint {
    let endpoint = Endpoint::open().await;
    let topic = events_pubsub::event_topic(family);
    setup::ensure_topic(config, &topic).await.unwrap();
    setup::ensure_push_subscription(config, &format!("push-{family}"), &topic, &endpoint.url).await.unwrap();
    endpoint
}

fn envelope_in(body: &Value) -> Envelope {
    let data = STANDARD.decode(body["message"]["data"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&data).unwrap()
}

#[tokio::test]
async fn an_event_is_pushed_in_the_documented_form() {
    let Some(config) = project() else { return };
    let mut endpoint = pushed(&config, "chats").await;
    let event = log_grew("event-1");

    let safe = PubsubBus::new(config.clone()).publish(vec![event.clone()]).await.unwrap();

    assert!(safe, "what Pub/Sub acknowledged is safe");
    let mut body = endpoint.next().await;
    assert_eq!(envelope_in(&body), event);
    // The recorded body is what other crates' tests read; here it is kept true.
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/pushed.json")).unwrap();
    assert_eq!(body["subscription"], format!("projects/{}/subscriptions/push-chats", config.project));
    body["subscription"] = recorded["subscription"].clone();
    for of_this_run in ["messageId", "message_id", "publishTime", "publish_time"] {
        assert!(body["message"][of_this_run].is_string(), "{of_this_run} in {body}");
        body["message"][of_this_run] = recorded["message"][of_this_run].clone();
    }
    assert_eq!(body, recorded);
}

#[tokio::test]
async fn every_event_arrives_at_its_family() {
    let Some(config) = project() else { return };
    let mut chats = pushed(&config, "chats").await;
    let mut scribe = pushed(&config, "scribe").await;
    let mut events: Vec<_> = (0..250).map(|number| log_grew(&format!("event-{number}"))).collect();
    events[100].name = "scribe.job-ended".to_owned();

    PubsubBus::new(config).publish(events.clone()).await.unwrap();

    assert_eq!(envelope_in(&scribe.next().await), events.remove(100));
    let mut missing: BTreeSet<_> = events.iter().map(|event| event.id.clone()).collect();
    while !missing.is_empty() {
        missing.remove(&envelope_in(&chats.next().await).id);
    }
}

#[tokio::test]
async fn a_missing_topic_is_an_error_that_names_it() {
    let Some(config) = project() else { return };
    let bus = PubsubBus::new(config.clone());

    let error = bus.publish(vec![log_grew("event-1")]).await.unwrap_err();

    let reason = std::error::Error::source(&error).unwrap().to_string();
    let topic = format!("topic projects/{}/topics/events-chats does not exist", config.project);
    assert!(reason.starts_with(&topic), "{reason}");

    // It was only the topic that was missing.
    setup::ensure_topic(&config, "events-chats").await.unwrap();
    assert!(bus.publish(vec![log_grew("event-1")]).await.unwrap());
}

#[tokio::test]
async fn an_emulator_that_runs_can_be_reached() {
    let Some(config) = project() else { return };
    PubsubBus::new(config).check().await.unwrap();
}

#[tokio::test]
async fn what_is_there_is_not_made_twice_and_goes_once() {
    let Some(config) = project() else { return };
    let mut first = pushed(&config, "chats").await;
    let mut second = pushed(&config, "chats").await;

    let bus = PubsubBus::new(config.clone());
    bus.publish(vec![log_grew("event-1")]).await.unwrap();
    assert_eq!(envelope_in(&second.next().await).id.as_str(), "event-1");
    assert!(first.bodies.try_recv().is_err(), "the subscription pushes to its last endpoint only");

    for _ in 0..2 {
        setup::delete_subscription(&config, "push-chats").await.unwrap();
        setup::delete_topic(&config, "events-chats").await.unwrap();
    }
    bus.publish(vec![log_grew("event-2")]).await.unwrap_err();
}
