//! Plain WebSocket frames.

use std::time::Duration;

use kernel::Role;
use model::chat::Happening;
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use tokio_tungstenite::tungstenite::Message;

use crate::common::{Client, Ended, end_session, happen, listen, make_chat, remove};

testkit::on_both_platforms! {
    functions: || vec![realtime::function()];
    a_message_reaches_the_members_alone, the_sender_is_the_tokens_user, membership_decides_when_it_is_sent,
    what_is_sent_again_is_sent_once, receipts_and_typing_reach_the_others, signing_out_closes, a_deleted_message_has_no_text,
}

async fn two(app: &TestApp) -> (TestUser, TestUser) {
    (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Patient, "Bob").await)
}

async fn a_message_reaches_the_members_alone(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let eve = app.user(Role::Nurse, "Eve").await;
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let (mut at_ann, mut at_bob, mut at_eve) = (
        Client::connect(address, &ann).await,
        Client::connect(address, &bob).await,
        Client::connect(address, &eve).await,
    );
    let mut also_at_ann = Client::connect(address, &ann).await;

    at_ann
        .send("message:send", json!({"chatId": chat, "content": "Hello there!", "type": "text", "clientId": "c-1"}))
        .await;

    let sent = at_ann.expect("message:sent").await;
    assert_eq!(sent["clientId"], "c-1");
    let received = at_bob.expect("message:received").await;
    assert_eq!(received, sent["message"]);
    let fields = ["chatId", "content", "type", "sender"].map(|field| received[field].clone());
    let sender = json!({"id": ann.id, "name": "Dr. Ann"});
    assert_eq!(fields, [json!(chat), json!("Hello there!"), json!("text"), sender]);
    assert_eq!(also_at_ann.expect("message:received").await, received);
    assert_eq!(at_ann.expect("message:received").await, received);
    app.settle().await;
    assert!(at_eve.drain().await.is_empty());

    at_eve.send("message:send", json!({"chatId": chat, "content": "let me in"})).await;
    let refused = at_eve.expect("error").await;
    assert_eq!((&refused["code"], &refused["event"]), (&json!("NOT_FOUND"), &json!("message:send")));
    at_eve.send("user:typing", json!({"chatId": chat, "isTyping": true})).await;
    assert_eq!(at_eve.expect("error").await["code"], "NOT_FOUND");
    at_eve.send("message:read", json!({"messageId": received["id"]})).await;
    assert_eq!(at_eve.expect("error").await["code"], "NOT_FOUND");
    at_eve.send("chat:join", json!({"chatId": chat})).await;
    assert_eq!(at_eve.expect("error").await["code"], "NOT_FOUND");
    app.settle().await;
    assert!(at_bob.drain().await.is_empty());
}

async fn the_sender_is_the_tokens_user(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let mut at_ann = Client::connect(address, &ann).await;
    let spoofed = json!({"chatId": chat, "content": "I am Bob", "senderId": bob.id, "userId": bob.id});
    at_ann.send("message:send", spoofed).await;
    assert_eq!(at_ann.expect("message:sent").await["message"]["sender"]["id"], ann.id.as_str());
    assert_eq!(at_ann.expect("message:received").await["sender"]["id"], ann.id.as_str());
}

async fn what_is_sent_again_is_sent_once(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let (chat, other) = (make_chat(&app, &[&ann, &bob]).await, make_chat(&app, &[&ann, &bob]).await);
    let address = listen(&app).await;
    let frame = json!({"chatId": chat, "content": "once", "clientId": "a/b \u{1f600}"});
    let mut first = Client::connect(address, &ann).await;
    first.send("message:send", frame.clone()).await;
    let sent = first.expect("message:sent").await;
    let last = first.leave().await;

    // The client came back and does not know whether it arrived.
    let mut again = Client::reconnect(address, &ann, &last).await;
    again.send("message:send", frame).await;
    let mut frames = Vec::new();
    while frames.iter().all(|frame: &Value| frame["event"] != "message:sent") {
        frames.push(again.next().await.unwrap());
    }
    assert_eq!(frames.last().unwrap()["data"], sent);
    app.settle().await;
    frames.extend(again.drain().await);
    let received = frames.iter().filter(|frame| frame["event"] == "message:received").count();
    assert_eq!(received, 1);

    again.send("message:send", json!({"chatId": other, "content": "once", "clientId": "a/b \u{1f600}"})).await;
    assert_eq!(again.expect("error").await["field"], "clientId");
    let mut at_bob = Client::connect(address, &bob).await;
    at_bob.send("message:send", json!({"chatId": chat, "content": "mine", "clientId": "a/b \u{1f600}"})).await;
    assert_eq!(at_bob.expect("message:sent").await["message"]["content"], "mine");
}

async fn membership_decides_when_it_is_sent(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let (mut at_ann, at_bob) = (Client::connect(address, &ann).await, Client::connect(address, &bob).await);
    let bob_was_at = at_bob.leave().await;

    // Entered into Bob's inbox while he was in the chat, and not shown to him once he is out of it.
    app.say(&chat, &ann, "for members").await;
    app.settle().await;
    remove(&app, &chat, &ann, &bob).await;
    app.say(&chat, &ann, "after").await;
    app.settle().await;

    let mut at_bob = Client::reconnect(address, &bob, &bob_was_at).await;
    let notice = at_bob.expect("chat:member-removed").await;
    let fields = ["chatId", "userId", "removedBy"].map(|field| notice[field].clone());
    assert_eq!(fields, [json!(chat), json!(bob.id), json!(ann.id)]);
    assert_eq!(at_bob.expect("resumed").await["count"], 1);
    assert!(at_bob.drain().await.is_empty());
    for event in ["message:received", "chat:member-removed", "message:received"] {
        at_ann.expect(event).await;
    }
}

async fn receipts_and_typing_reach_the_others(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let (mut at_ann, mut at_bob) = (Client::connect(address, &ann).await, Client::connect(address, &bob).await);

    at_bob.send("user:typing", json!({"chatId": chat, "userId": ann.id, "isTyping": true})).await;
    assert_eq!(at_ann.expect("user:typing").await, json!({"chatId": chat, "userId": bob.id, "isTyping": true}));

    let id = app.say(&chat, &ann, "read this").await.id;
    at_bob.expect("message:received").await;
    at_ann.expect("message:received").await;
    at_bob.send("message:delivered", json!({"messageId": id})).await;
    at_bob.send("message:read", json!({"messageId": id, "chatId": chat, "userId": ann.id})).await;
    let read = json!({"messageId": id, "chatId": chat, "readBy": bob.id, "readAt": app.app.now()});
    assert_eq!(at_ann.expect("message:read").await, read);
    assert_eq!(at_bob.expect("message:read").await, read);

    at_ann.send("message:send", json!({"chatId": chat, "content": "now!", "priority": "urgent"})).await;
    let urgent = at_bob.expect("message:received").await;
    assert_eq!(urgent["priority"], "urgent");
    at_ann.expect("message:sent").await;
    at_ann.expect("message:received").await;
    at_bob.send("message:acknowledge", json!({"messageId": urgent["id"]})).await;
    let acknowledged = at_ann.expect("message:acknowledged").await;
    assert_eq!(acknowledged["acknowledgedBy"], bob.id.as_str());

    at_bob.send("chat:join", json!({"chatId": chat})).await;
    assert_eq!(at_ann.expect("user:joined").await["userId"], bob.id.as_str());

    happen(&app, &chat, &ann.id, Happening::ChatChanged, |_| {}).await;
    let changed = at_ann.expect("chat:updated").await;
    assert_eq!((&changed["name"], &changed["type"]), (&json!("Test Chat"), &json!("Care Team")));
}

async fn a_deleted_message_has_no_text(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let bob_was_at = Client::connect(address, &bob).await.leave().await;
    app.say(&chat, &ann, "a mistake").await;
    app.settle().await;
    app.delete_message(&model::message::message_id(&chat, 1)).await;
    happen(&app, &chat, &ann.id, Happening::MessageDeleted { seq: 1 }, |_| {}).await;
    app.settle().await;
    let mut at_bob = Client::reconnect(address, &bob, &bob_was_at).await;
    for event in ["message:received", "message:deleted"] {
        let message = at_bob.expect(event).await;
        assert_eq!(message["content"], Value::Null);
        assert!(message["deletedAt"].is_string());
    }
}

async fn signing_out_closes(app: TestApp) {
    let (ann, bob) = two(&app).await;
    let address = listen(&app).await;
    let (mut at_ann, mut at_bob) = (Client::connect(address, &ann).await, Client::connect(address, &bob).await);
    end_session(&app, &ann).await;
    assert_eq!(at_ann.next().await, Err(Ended(4401)));
    assert!(at_bob.drain().await.is_empty());
    let again = tokio_tungstenite::connect_async(format!("ws://{address}/ws?token={}", ann.token)).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = again else { panic!("let in: {again:?}") };
    assert_eq!(response.status(), 401);
}

async fn on_sqlite() -> (TestApp, std::net::SocketAddr) {
    let app = TestApp::on_sqlite(vec![realtime::function()]).await;
    let address = listen(&app).await;
    (app, address)
}

#[tokio::test]
async fn the_first_frame_may_sign_in() {
    let (app, address) = on_sqlite().await;
    let ann = app.user(Role::Patient, "Ann").await;
    let mut client = Client::open(address, "").await;
    client.send("auth", json!({"token": ann.token})).await;
    assert_eq!(client.expect("connected").await["userId"], ann.id.as_str());
    client.send("auth", json!({"token": ann.token})).await;
    assert_eq!(client.expect("authenticated").await["userId"], ann.id.as_str());
    let bob = app.user(Role::Patient, "Bob").await;
    client.send("auth", json!({"token": bob.token})).await;
    assert_eq!(client.expect("error").await["code"], "FORBIDDEN");

    for first in [json!({"event": "ping"}), json!({"event": "auth", "data": {"token": "x"}}), json!(7)] {
        let mut stranger = Client::open(address, "").await;
        stranger.send_text(first.to_string()).await;
        stranger.expect("error").await;
        assert_eq!(stranger.next().await, Err(Ended(4401)));
    }
}

#[tokio::test]
async fn bad_frames_are_told_and_forgiven() {
    let (app, address) = on_sqlite().await;
    let ann = app.user(Role::Doctor, "Ann").await;
    let mut client = Client::connect(address, &ann).await;
    for (text, code, field) in [
        ("{", "INVALID_REQUEST", Value::Null),
        ("[]", "VALIDATION_ERROR", Value::Null),
        (r#"{"data":{}}"#, "VALIDATION_ERROR", json!("event")),
        (r#"{"event":"ping","x":1}"#, "VALIDATION_ERROR", json!("x")),
        (r#"{"event":"nonsense"}"#, "INVALID_REQUEST", json!("event")),
        (r#"{"event":"message:send","data":{"chatId":"c"}}"#, "VALIDATION_ERROR", json!("content")),
        (r#"{"event":"message:send","data":null}"#, "VALIDATION_ERROR", json!("data")),
        (r#"{"event":"message:read","data":{"messageId":"nothing_0000000001"}}"#, "NOT_FOUND", Value::Null),
        (r#"{"event":"notification:acknowledge","data":{"notificationId":"none"}}"#, "NOT_FOUND", Value::Null),
    ] {
        client.send_text(text.to_owned()).await;
        let error = client.expect("error").await;
        assert_eq!((&error["code"], &error["field"]), (&json!(code), &field), "{text}");
    }
    client.send_text(format!("{{\"event\":\"ping\",\"data\":{{\"x\":\"{}\"}}}}", "x".repeat(200_000))).await;
    assert_eq!(client.expect("error").await["code"], "VALIDATION_ERROR");
    client.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(client.expect("error").await["code"], "INVALID_REQUEST");
    client.send("ping", json!({})).await;
    assert_eq!(client.expect("pong").await["lastEventId"], client.last_event_id.as_str());
}

#[tokio::test]
async fn a_flood_closes() {
    let (app, address) = on_sqlite().await;
    let ann = app.user(Role::Patient, "Ann").await;
    let mut client = Client::connect(address, &ann).await;
    for _ in 0..500 {
        client.send("ping", json!({})).await;
    }
    let error = loop {
        let frame = client.next().await.unwrap();
        if frame["event"] == "error" {
            break frame;
        }
    };
    assert_eq!(error["data"]["code"], "RATE_LIMITED");
    assert_eq!(client.next().await, Err(Ended(1008)));
}

#[tokio::test]
async fn an_unverified_clinician_sees_no_messages() {
    let (app, address) = on_sqlite().await;
    let ann = app.user(Role::Doctor, "Ann").await;
    let new = app.user_verified(Role::Nurse, "New", false).await;
    let chat = make_chat(&app, &[&ann, &new]).await;
    let mut client = Client::connect(address, &new).await;
    app.say(&chat, &ann, "about a patient").await;
    app.settle().await;
    assert!(client.drain().await.is_empty());
    for (event, data) in [
        ("message:send", json!({"chatId": chat, "content": "hi"})),
        ("user:typing", json!({"chatId": chat, "isTyping": true})),
        ("message:read", json!({"messageId": model::message::message_id(&chat, 1)})),
        ("chat:join", json!({"chatId": chat})),
    ] {
        client.send(event, data).await;
        assert_eq!(client.expect("error").await["code"], "FORBIDDEN", "{event}");
    }
}

#[tokio::test]
async fn a_plain_request_is_told_what_this_is() {
    let (app, _) = on_sqlite().await;
    let ann = app.user(Role::Patient, "Ann").await;
    app.get("/ws").by(&ann).refused(426, "INVALID_REQUEST").await;
    app.get("/ws?token=x").refused(401, "UNAUTHORIZED").await;
    assert_eq!(app.get("/ws?tokn=x").refused(400, "VALIDATION_ERROR").await, "tokn");
}

#[tokio::test]
async fn a_stopping_instance_says_goodbye() {
    let (app, address) = on_sqlite().await;
    let ann = app.user(Role::Patient, "Ann").await;
    let mut client = Client::connect(address, &ann).await;
    tokio::time::timeout(Duration::from_secs(5), app.stop()).await.expect("it stops");
    assert_eq!(client.next().await, Err(Ended(1001)));
    let mut late = Client::open(address, &format!("?token={}", ann.token)).await;
    assert_eq!(late.next().await, Err(Ended(1001)));
}
