//! Google's clients, each made when it is first used and kept.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures::future::try_join_all;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_pubsub::client::{BasePublisher, Publisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use google_cloud_pubsub::{Error, Result as GoogleResult};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::failure::{PubsubError, is};
use crate::{LIVE_TOPIC, PubsubConfig};

/// How long a call may take, its connection and second attempts included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// How long Google's clients try; they do so in the background, where a caller that left cannot stop them.
const RETRIES: Duration = Duration::from_secs(4);
const MAX_ATTEMPTS: u32 = 3;
/// What is published within this time goes in one request.
const BATCH: Duration = Duration::from_millis(1);

/// A project's clients.
pub(crate) struct Connection {
    pub(crate) config: PubsubConfig,
    topics: OnceCell<TopicAdmin>,
    subscriptions: OnceCell<SubscriptionAdmin>,
    subscriber: OnceCell<Subscriber>,
    publisher: OnceCell<BasePublisher>,
    publishers: Mutex<HashMap<String, Publisher>>,
}

/// Emulators want no credentials and are asked in clear; everything else is alike.
macro_rules! build {
    ($config:expr, $builder:expr) => {{
        let builder = $builder;
        let builder = match $config.emulator_url() {
            Some(url) => builder.with_endpoint(url).with_credentials(anonymous::Builder::new().build()),
            None => builder,
        };
        builder.build().await.map_err(PubsubError::NoClient)
    }};
}

impl Connection {
    pub(crate) fn new(config: PubsubConfig) -> Self {
        Self {
            config,
            topics: OnceCell::new(),
            subscriptions: OnceCell::new(),
            subscriber: OnceCell::new(),
            publisher: OnceCell::new(),
            publishers: Mutex::default(),
        }
    }

    /// The client that administers topics.
    pub(crate) async fn topics(&self) -> Result<&TopicAdmin, PubsubError> {
        let build = || async {
            let builder = TopicAdmin::builder().with_retry_policy(retries()).with_backoff_policy(backoff());
            build!(self.config, builder)
        };
        self.topics.get_or_try_init(build).await
    }

    /// The client that administers subscriptions.
    pub(crate) async fn subscriptions(&self) -> Result<&SubscriptionAdmin, PubsubError> {
        let build = || async {
            let builder = SubscriptionAdmin::builder().with_retry_policy(retries()).with_backoff_policy(backoff());
            build!(self.config, builder)
        };
        self.subscriptions.get_or_try_init(build).await
    }

    /// The client that pulls.
    pub(crate) async fn subscriber(&self) -> Result<&Subscriber, PubsubError> {
        self.subscriber.get_or_try_init(|| async { build!(self.config, Subscriber::builder()) }).await
    }

    /// Publishes, each message to its topic, and waits until Pub/Sub has acknowledged all of them.
    pub(crate) async fn publish(&self, messages: Vec<(String, Message)>) -> Result<(), PubsubError> {
        let topics = messages.iter().map(|(topic, _)| self.config.topic(topic));
        let named = topics.reduce(|all, topic| if all.contains(&topic) { all } else { format!("{all}, {topic}") });
        let publishing = async {
            let mut acknowledgements = Vec::with_capacity(messages.len());
            for (topic, message) in messages {
                let topic = self.config.topic(&topic);
                let acknowledgement = self.publisher(&topic).await?.publish(message);
                acknowledgements.push(async move {
                    let acknowledged = acknowledgement.await;
                    acknowledged.map_err(|error| self.publish_failed(&topic, &error))
                });
            }
            try_join_all(acknowledgements).await.map(drop)
        };
        within("publish", &named.unwrap_or_default(), publishing).await
    }

    /// A topic's publisher, which collects its messages into requests.
    async fn publisher(&self, topic: &str) -> Result<Publisher, PubsubError> {
        let build = || async {
            let builder = BasePublisher::builder().with_retry_policy(retries()).with_backoff_policy(backoff());
            build!(self.config, builder)
        };
        let base = self.publisher.get_or_try_init(build).await?;
        let mut publishers = self.publishers.lock();
        let publisher = publishers
            .entry(topic.to_owned())
            .or_insert_with(|| base.publisher(topic).set_delay_threshold(BATCH).build());
        Ok(publisher.clone())
    }

    fn publish_failed(&self, topic: &str, error: &PublishError) -> PubsubError {
        if matches!(error, PublishError::Shutdown) {
            // Its background task is gone; the next call gets a new one.
            self.publishers.lock().remove(topic);
        }
        PubsubError::of_publish(topic, error)
    }

    /// Whether Pub/Sub answers. That it refuses to tell of a topic is an answer: who may publish need not see topics.
    pub(crate) async fn check(&self) -> Result<(), PubsubError> {
        let topic = self.config.topic(LIVE_TOPIC);
        let asking = async {
            let answer = self.topics().await?.get_topic().set_topic(&topic).send().await;
            match answer {
                Err(error) if !crate::failure::is_answer(&error) => Err(PubsubError::of("get", &topic, &error)),
                _ => Ok(()),
            }
        };
        within("get", &topic, asking).await
    }
}

/// The answer, or that there was none in time.
pub(crate) async fn within<T>(
    operation: &'static str,
    name: &str,
    work: impl Future<Output = Result<T, PubsubError>>,
) -> Result<T, PubsubError> {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => Err(PubsubError::NoAnswer { operation, name: name.to_owned(), deadline: DEADLINE }),
    }
}

/// Takes what is already so for done.
pub(crate) fn unless<T>(already: Code, result: GoogleResult<T>) -> Result<(), Error> {
    match result {
        Err(error) if !is(&error, already) => Err(error),
        _ => Ok(()),
    }
}

fn retries() -> impl RetryPolicy + 'static {
    RetryableErrors.with_attempt_limit(MAX_ATTEMPTS).with_time_limit(RETRIES)
}

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBackoffBuilder::new().with_initial_delay(Duration::from_millis(100));
    builder.with_maximum_delay(Duration::from_secs(1)).clamp()
}
