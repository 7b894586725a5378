//! Two instances side by side.

use std::sync::Arc;

use events::{InProcessLive, Live};
use events_pubsub::{LIVE_TOPIC, PubsubConfig, PubsubLive, setup};
use kernel::{OsRandom, RandomExt, Role};
use serde_json::json;
use store::Backend;
use store_firestore::{FirestoreBackend, FirestoreConfig};
use store_sqlite::SqliteBackend;
use testkit::{Build, TestApp, emulator_of_firestore};

use crate::common::{Client, listen, make_chat};

/// Two instances over one database, each with its own way to the signals.
async fn two_instances(backend: Arc<dyn Backend>, unique: &str, lives: [Arc<dyn Live>; 2]) -> [TestApp; 2] {
    let [here, there] = lives;
    let build =
        |seed, live| Build { backend: backend.clone(), unique: unique.to_owned(), seed, live, ..Build::default() };
    let first = TestApp::build(build(1, here), vec![realtime::function()]).await;
    let second = TestApp::build(build(2, there), vec![realtime::function()]).await;
    [first, second]
}

async fn they_deliver_to_each_others_sockets([here, there]: [TestApp; 2]) {
    let (ann, bob) = (here.user(Role::Doctor, "Ann").await, here.user(Role::Patient, "Bob").await);
    let chat = make_chat(&here, &[&ann, &bob]).await;
    let bob_there = there.sign_in_again(&bob).await;
    let (at_here, at_there) = (listen(&here).await, listen(&there).await);
    let mut at_ann = Client::connect(at_here, &ann).await;
    let mut at_bob = Client::connect(at_there, &bob_there).await;

    at_ann.send("message:send", json!({"chatId": chat, "content": "over there"})).await;
    at_ann.expect("message:sent").await;
    at_ann.expect("message:received").await;
    assert_eq!(at_bob.expect("message:received").await["content"], "over there");

    at_bob.send("user:typing", json!({"chatId": chat, "isTyping": true})).await;
    assert_eq!(at_ann.expect("user:typing").await["userId"], bob.id.as_str());
    at_bob.send("message:send", json!({"chatId": chat, "content": "and back"})).await;
    assert_eq!(at_ann.expect("message:received").await["content"], "and back");
    at_bob.expect("message:sent").await;
    at_bob.expect("message:received").await;

    // What was missed at one instance is caught up with at the other.
    let last = at_bob.leave().await;
    at_ann.send("message:send", json!({"chatId": chat, "content": "missed"})).await;
    at_ann.expect("message:sent").await;
    at_ann.expect("message:received").await;
    let mut at_bob = Client::reconnect(at_here, &bob, &last).await;
    assert_eq!(at_bob.expect("message:received").await["content"], "missed");
    assert_eq!(at_bob.expect("resumed").await["count"], 1);

    crate::common::end_session(&there, &ann).await;
    assert_eq!(at_ann.next().await, Err(crate::common::Ended(4401)));
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let backend = Arc::new(SqliteBackend::in_memory(runtime::declared_indexes()));
    let live: Arc<dyn Live> = Arc::new(InProcessLive::default());
    they_deliver_to_each_others_sockets(two_instances(backend, "clinic", [live.clone(), live]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_firestore_and_pubsub() {
    let pubsub = std::env::var("PUBSUB_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
    let (Some(firestore), Some(pubsub)) = (emulator_of_firestore(), pubsub) else { return };
    let unique = format!("t-{}", &OsRandom.uuid().simple().to_string()[..16]);
    let backend = Arc::new(FirestoreBackend::new(FirestoreConfig::emulator(firestore), Arc::new(OsRandom)));
    let config = PubsubConfig::new(unique.clone(), Some(pubsub));
    setup::ensure_topic(&config, LIVE_TOPIC).await.unwrap();
    let live = |name: &str| -> Arc<dyn Live> { Arc::new(PubsubLive::new(config.clone(), name.to_owned())) };
    they_deliver_to_each_others_sockets(two_instances(backend, &unique, [live("here"), live("there")]).await).await;
}
