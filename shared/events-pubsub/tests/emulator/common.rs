//! What every test here starts from.

use std::time::Duration;

use events_pubsub::PubsubConfig;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_pubsub::client::SubscriptionAdmin;
use kernel::{OsRandom, RandomExt};
use model::chat::Happening;
use model::event::{ChatLogGrew, Envelope, Event};

/// How long anything here may take; far more than it does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A project at the emulator that no other test and no earlier run uses; `None`, and a line that says so, where there
/// is no emulator and none is required.
pub(crate) fn project() -> Option<PubsubConfig> {
    let host = std::env::var("PUBSUB_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
    let required = std::env::var("REQUIRE_EMULATORS").is_ok_and(|value| value == "1");
    assert!(host.is_some() || !required, "REQUIRE_EMULATORS=1 but PUBSUB_EMULATOR_HOST is not set");
    if host.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
        {
            eprintln!("skipped: PUBSUB_EMULATOR_HOST is not set");
        }
    }
    Some(PubsubConfig::new(random_name(), Some(host?)))
}

pub(crate) fn random_name() -> String {
    format!("t-{:016x}", u64::from_le_bytes(OsRandom.bytes()))
}

/// The names of a project's subscriptions.
pub(crate) async fn subscriptions(config: &PubsubConfig) -> Vec<String> {
    let url = format!("http://{}", config.emulator_host.as_deref().unwrap());
    let builder = SubscriptionAdmin::builder().with_endpoint(url).with_credentials(anonymous::Builder::new().build());
    let admin = builder.build().await.unwrap();
    let mut listed = admin.list_subscriptions().set_project(format!("projects/{}", config.project)).by_item();
    let mut names = Vec::new();
    while let Some(subscription) = listed.next().await {
        names.push(subscription.unwrap().name);
    }
    names
}

/// What must happen soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened by now")
}

/// The event that a chat's log got an entry.
pub(crate) fn log_grew(id: &str) -> Envelope {
    let event =
        ChatLogGrew { chat_id: "chat-1".parse().unwrap(), log_seq: 7, happening: Happening::MessageSent { seq: 3 } };
    Envelope {
        id: id.parse().unwrap(),
        name: ChatLogGrew::NAME.to_owned(),
        tenant: "clinic-a".parse().unwrap(),
        occurred_at: "2024-01-15T10:00:00.000Z".parse().unwrap(),
        lane: event.lane(),
        data: serde_json::to_value(event).unwrap(),
    }
}
