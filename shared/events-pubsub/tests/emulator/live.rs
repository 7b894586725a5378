//! Signals between instances.

use events::{Live, Signal, SignalKind};
use events_pubsub::{LIVE_TOPIC, PubsubConfig, PubsubLive, setup};

use crate::common::{project, soon, subscriptions};

fn inbox(user: &str) -> Signal {
    Signal { tenant: "clinic-a".parse().unwrap(), users: vec![user.parse().unwrap()], kind: SignalKind::Inbox }
}

async fn with_topic() -> Option<PubsubConfig> {
    let config = project()?;
    setup::ensure_topic(&config, LIVE_TOPIC).await.unwrap();
    Some(config)
}

fn live(config: &PubsubConfig, instance: &str) -> PubsubLive {
    PubsubLive::new(config.clone(), instance.to_owned())
}

#[tokio::test]
async fn every_instance_gets_a_signal() {
    let Some(config) = with_topic().await else { return };
    let (here, there) = (live(&config, "here"), live(&config, "there"));
    let mut at_here = here.subscribe().await.unwrap();
    let mut at_there = there.subscribe().await.unwrap();

    here.publish(inbox("user-1")).await.unwrap();

    assert_eq!(soon(at_here.recv()).await.unwrap(), inbox("user-1"));
    assert_eq!(soon(at_there.recv()).await.unwrap(), inbox("user-1"));
    here.close().await;
    there.close().await;
}

#[tokio::test]
async fn an_instance_has_one_subscription_for_all_its_receivers() {
    let Some(config) = with_topic().await else { return };
    let live = live(&config, "one");
    let (first, second) = tokio::join!(live.subscribe(), live.subscribe());
    let (mut first, mut second) = (first.unwrap(), second.unwrap());
    assert_eq!(subscriptions(&config).await, [format!("projects/{}/subscriptions/live-one", config.project)]);

    live.publish(inbox("user-1")).await.unwrap();

    assert_eq!(soon(first.recv()).await.unwrap(), inbox("user-1"));
    assert_eq!(soon(second.recv()).await.unwrap(), inbox("user-1"));
    live.close().await;
}

#[tokio::test]
async fn closing_deletes_the_subscription() {
    let Some(config) = with_topic().await else { return };
    let live = live(&config, "one");
    let mut signals = live.subscribe().await.unwrap();

    soon(live.close()).await;

    assert_eq!(subscriptions(&config).await, Vec::<String>::new());
    let refused = live.subscribe().await.unwrap_err();
    assert!(std::error::Error::source(&refused).unwrap().to_string().contains("shutting down"), "{refused:?}");
    assert_eq!(subscriptions(&config).await, Vec::<String>::new());
    drop(live);
    signals.recv().await.unwrap_err();
}

#[tokio::test]
async fn who_never_listened_has_nothing_to_close() {
    let Some(config) = project() else { return };
    soon(live(&config, "one").close()).await;
    assert_eq!(subscriptions(&config).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_the_topic_nobody_can_listen() {
    let Some(config) = project() else { return };
    let live = live(&config, "one");
    let error = live.subscribe().await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("topics/live-signals does not exist"), "{reason}");

    // The next try goes well when the topic is there.
    setup::ensure_topic(&config, LIVE_TOPIC).await.unwrap();
    let mut signals = live.subscribe().await.unwrap();
    live.publish(inbox("user-1")).await.unwrap();
    assert_eq!(soon(signals.recv()).await.unwrap(), inbox("user-1"));
    live.close().await;
}
