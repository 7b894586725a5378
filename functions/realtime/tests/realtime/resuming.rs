//! Coming back with the last event id.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::Role;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::common::{Client, listen, make_chat};

const DAY: Duration = Duration::from_secs(24 * 3600);

testkit::on_both_platforms! {
    functions: || vec![realtime::function()];
    what_was_missed_comes_once_and_in_order, ids_that_are_too_old_or_foreign_resync, a_frame_resumes_too,
}

/// The texts of messages by chat, in the order in which they came.
fn texts(frames: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["event"] == "message:received") {
        let text = |field: &str| frame["data"][field].as_str().unwrap().to_owned();
        texts.entry(text("chatId")).or_default().push(text("content"));
    }
    texts
}

async fn what_was_missed_comes_once_and_in_order(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chats = [make_chat(&app, &[&ann, &bob]).await, make_chat(&app, &[&ann, &bob]).await];
    let address = listen(&app).await;
    let mut at_bob = Client::connect(address, &bob).await;
    app.say(&chats[0], &ann, "seen").await;
    at_bob.expect("message:received").await;
    let last = at_bob.leave().await;

    for n in 0..30 {
        app.say(&chats[n % 2], &ann, &format!("missed {n}")).await;
    }
    // More arrive while he comes back.
    let more = async {
        for n in 30..50 {
            app.say(&chats[n % 2], &ann, &format!("missed {n}")).await;
        }
        app.settle().await;
    };
    let back = async {
        let mut at_bob = Client::reconnect(address, &bob, &last).await;
        let mut frames = Vec::new();
        while texts(&frames).values().map(Vec::len).sum::<usize>() < 50 {
            frames.push(at_bob.next().await.unwrap());
        }
        (at_bob, frames)
    };
    let ((), (mut at_bob, mut frames)) = tokio::join!(more, back);
    frames.extend(at_bob.drain().await);

    let texts = texts(&frames);
    for (n, chat) in chats.iter().enumerate() {
        let expected: Vec<String> = (0..50).filter(|m| m % 2 == n).map(|m| format!("missed {m}")).collect();
        assert_eq!(texts[chat.as_str()], expected);
    }
    let resumed: Vec<&Value> = frames.iter().filter(|frame| frame["event"] == "resumed").collect();
    assert_eq!(resumed.len(), 1);
    assert!(resumed[0]["data"]["count"].as_u64().unwrap() <= 50);

    // Nothing is missing now.
    let last = at_bob.leave().await;
    let mut at_bob = Client::reconnect(address, &bob, &last).await;
    assert_eq!(at_bob.expect("resumed").await["count"], 0);
}

async fn ids_that_are_too_old_or_foreign_resync(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let at_ann = Client::connect(address, &ann).await.leave().await;
    let old = Client::connect(address, &bob).await.leave().await;
    app.say(&chat, &ann, "long ago").await;
    app.settle().await;

    app.clock.advance(6 * DAY);
    let bob = app.sign_in_again(&bob).await;
    let mut client = Client::reconnect(address, &bob, &old).await;
    client.expect("message:received").await;
    assert_eq!(client.expect("resumed").await["count"], 1);
    let current = client.leave().await;

    app.clock.advance(2 * DAY);
    let bob = app.sign_in_again(&bob).await;
    for id in [old.as_str(), &at_ann, "nonsense", "99-0000", &current.replacen('1', "7", 1)] {
        let mut client = Client::reconnect(address, &bob, id).await;
        assert_eq!(client.expect("resync").await["lastEventId"], current.as_str(), "{id}");
        assert!(client.drain().await.is_empty());
    }
    let mut client = Client::reconnect(address, &bob, &old).await;
    client.expect("resync").await;
    app.say(&chat, &ann, "live goes on").await;
    assert_eq!(client.expect("message:received").await["content"], "live goes on");
    let current = client.leave().await;
    let mut client = Client::reconnect(address, &bob, &current).await;
    assert_eq!(client.expect("resumed").await["count"], 0);
}

async fn a_frame_resumes_too(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let last = Client::connect(address, &bob).await.leave().await;
    app.say(&chat, &ann, "missed").await;
    app.settle().await;

    let mut client = Client::connect(address, &bob).await;
    client.send("ping", json!({})).await;
    client.expect("pong").await;
    app.say(&chat, &ann, "live").await;
    assert_eq!(client.expect("message:received").await["content"], "live");
    // So late a resume still brings what was missed, and nothing twice.
    client.send("resume", json!({"lastEventId": last})).await;
    assert_eq!(client.expect("message:received").await["content"], "missed");
    assert_eq!(client.expect("resumed").await["count"], 1);
    app.say(&chat, &ann, "later").await;
    assert_eq!(client.expect("message:received").await["content"], "later");
}
