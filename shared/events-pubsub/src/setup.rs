//! Topics and push subscriptions for emulators and tests. In the cloud Terraform makes them, with tokens, dead letters
//! and alarms that an emulator does not have.

use google_cloud_gax::error::rpc::Code;
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
