//! Topics and push subscriptions for emulators and tests. In the cloud Terraform makes them, with tokens, dead letters
//! and alarms that an emulator does not have.

use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::Error;
use google_cloud_pubsub::model::PushConfig;

use crate::connection::{Connection, unless, within};
use crate::{PubsubConfig, PubsubError};

/// How long a push may take before it is sent again, in seconds: Pub/Sub's least.
const ACK_DEADLINE_SECONDS: i32 = 10;

/// Makes a topic where there is none.
pub async fn ensure_topic(config: &PubsubConfig, topic: &str) -> Result<(), PubsubError> {
    let connection = Connection::new(config.clone());
    let name = config.topic(topic);
    within("create", &name, async {
        let created = connection.topics().await?.create_topic().set_name(&name).send().await;
        unless(Code::AlreadyExists, created).map_err(|error| PubsubError::of("create", &name, &error))
    })
    .await
}

/// Makes a subscription that pushes a topic's messages to `endpoint_url`, wrapped, and points one that is there to it.
pub async fn ensure_push_subscription(
    config: &PubsubConfig,
    subscription: &str,
    topic: &str,
    endpoint_url: &str,
) -> Result<(), PubsubError> {
    let connection = Connection::new(config.clone());
    let name = config.subscription(subscription);
    let topic = config.topic(topic);
    let push = PushConfig::new().set_push_endpoint(endpoint_url);
    within("create", &name, async {
        let admin = connection.subscriptions().await?;
        let create = admin.create_subscription().set_name(&name).set_topic(&topic).set_push_config(push.clone());
        match create.set_ack_deadline_seconds(ACK_DEADLINE_SECONDS).send().await {
            Ok(_) => Ok(()),
            Err(error) if crate::failure::is(&error, Code::NotFound) => Err(PubsubError::NoTopic { topic }),
            Err(error) if crate::failure::is(&error, Code::AlreadyExists) => {
                let modified = admin.modify_push_config().set_subscription(&name).set_push_config(push).send().await;
                modified.map_err(|error| PubsubError::of("modify", &name, &error))
            }
            Err(error) => Err(PubsubError::of("create", &name, &error)),
        }
    })
    .await
}

/// Deletes a topic if it is there.
pub async fn delete_topic(config: &PubsubConfig, topic: &str) -> Result<(), PubsubError> {
    let connection = Connection::new(config.clone());
    let name = config.topic(topic);
    within("delete", &name, async {
        let deleted = connection.topics().await?.delete_topic().set_topic(&name).send().await;
        unless(Code::NotFound, deleted).map_err(|error| PubsubError::of("delete", &name, &error))
    })
    .await
}

/// Deletes a subscription if it is there.
pub async fn delete_subscription(config: &PubsubConfig, subscription: &str) -> Result<(), PubsubError> {
    crate::live::delete(&Connection::new(config.clone()), &config.subscription(subscription)).await
}

/// Which of these topics and subscriptions are not there, by their short names. Wants permission to see them.
pub async fn missing(
    config: &PubsubConfig,
    topics: &[String],
    subscriptions: &[String],
) -> Result<Vec<String>, PubsubError> {
    let connection = Connection::new(config.clone());
    let mut missing = Vec::new();
    for topic in topics {
        let name = config.topic(topic);
        let found = within("get", &name, async {
            let found = connection.topics().await?.get_topic().set_topic(&name).send().await;
            is_there(found, &name)
        });
        if !found.await? {
            missing.push(format!("topic {topic}"));
        }
    }
    for subscription in subscriptions {
        let name = config.subscription(subscription);
        let found = within("get", &name, async {
            let found = connection.subscriptions().await?.get_subscription().set_subscription(&name).send().await;
            is_there(found, &name)
        });
        if !found.await? {
            missing.push(format!("subscription {subscription}"));
        }
    }
    Ok(missing)
}

fn is_there<T>(found: Result<T, Error>, name: &str) -> Result<bool, PubsubError> {
    match found {
        Ok(_) => Ok(true),
        Err(error) if crate::failure::is(&error, Code::NotFound) => Ok(false),
        Err(error) => Err(PubsubError::of("get", name, &error)),
    }
}
