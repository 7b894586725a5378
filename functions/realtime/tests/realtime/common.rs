//! Chats without the chats function, clients, and an instance that listens.

use std::net::SocketAddr;
use std::time::Duration;

use conversations::{Change, notification_place};
use events::Emit;
use futures::{SinkExt, StreamExt};
use kernel::{ChatId, MessageId, NotificationId, Phi, UserId};
use model::chat::{CHATS, Chat, ChatType, Happening};
use model::event::{NotificationsCreated, SessionsEnded};
use model::notification::{Notification, NotificationType, notifications};
use model::session::{EndReason, SESSIONS};
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use vault::Subject;

/// A chat of these people, the first of them its admin.
pub(crate) async fn make_chat(app: &TestApp, users: &[&TestUser]) -> ChatId {
    let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
    app.chat(ChatType::CareTeam, None, &ids).await
}

/// A chat of so many, most of whom have no account.
pub(crate) async fn crowd(app: &TestApp, ann: &TestUser, size: usize) -> (ChatId, Vec<UserId>) {
    let chat = make_chat(app, &[ann]).await;
    let mut people: Vec<UserId> = (1..size).map(|_| UserId::generate(app.app.random.as_ref())).collect();
    app.change_chat(&chat, |chat| {
        let like_ann = chat.members[&ann.id].clone();
        chat.members.extend(people.iter().map(|user| (user.clone(), like_ann.clone())));
    })
    .await;
    people.push(ann.id.clone());
    people.sort();
    (chat, people)
}

/// Changes a chat as the chats function does.
pub(crate) async fn happen(app: &TestApp, chat: &ChatId, by: &UserId, what: Happening, change: impl Fn(&mut Chat)) {
    let happens = Change::now(&app.app, chat, by);
    app.store
        .transact("test-happening", async |tx| {
            let mut value = tx.get(&CHATS, chat.as_str()).await?.unwrap().value;
            change(&mut value);
            happens.append(&tx, value, what.clone()).map(drop)
        })
        .await
        .unwrap();
}

/// Takes someone out of a chat.
pub(crate) async fn remove(app: &TestApp, chat: &ChatId, by: &TestUser, user: &TestUser) {
    let now = app.app.now();
    let what = Happening::MemberRemoved { user: user.id.clone() };
    happen(app, chat, &by.id, what, |chat| chat.remove(&user.id, now)).await;
}

/// Ends a sign-in as identity does.
pub(crate) async fn end_session(app: &TestApp, user: &TestUser) {
    let now = app.app.now();
    let ended = app.app.occurs(SessionsEnded { user_id: user.id.clone(), session_ids: vec![user.session.clone()] });
    app.store
        .transact("test-sign-out", async |tx| {
            let mut session = tx.get(&SESSIONS, user.session.as_str()).await?.unwrap().value;
            session.end(now, EndReason::LoggedOut);
            tx.put(&SESSIONS, user.session.as_str(), &session)?;
            tx.emit(&ended)
        })
        .await
        .unwrap();
}

/// Makes a notification about a chat as notifications does.
pub(crate) async fn notify(
    app: &TestApp,
    chat: &ChatId,
    users: &[&UserId],
    about: Option<MessageId>,
) -> NotificationId {
    let id = NotificationId::generate(app.app.random.as_ref());
    let key = app.app.vault.key(&app.store, &Subject::Chat(chat.clone())).await.unwrap();
    let seal =
        |field, text: &str| key.seal(&notification_place(&app.tenant, &id).field(field), &Phi::new(text.to_owned()));
    let notification = Notification {
        kind: NotificationType::Message,
        chat_id: Some(chat.clone()),
        patient_id: None,
        message_id: about,
        emergency_id: None,
        title: seal("title", "New message"),
        body: seal("body", "Hello"),
        is_read: false,
        read_at: None,
        created_at: app.app.now(),
    };
    let created = app.app.occurs(NotificationsCreated {
        notification_id: id.clone(),
        user_ids: users.iter().map(|user| (*user).clone()).collect(),
    });
    app.store
        .transact("test-notify", async |tx| {
            for user in users {
                tx.create(&notifications(user), id.as_str(), &notification)?;
            }
            tx.emit(&created)
        })
        .await
        .unwrap();
    id
}

/// An instance that listens.
pub(crate) async fn listen(app: &TestApp) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// A client that speaks plain frames.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The last event id it was sent.
    pub(crate) last_event_id: String,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended(pub(crate) u16);

impl Client {
    /// Connects with a query string and waits for nothing.
    pub(crate) async fn open(address: SocketAddr, query: &str) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws{query}")).await.unwrap();
        Self { socket, last_event_id: String::new() }
    }

    /// Connects a user who is new here.
    pub(crate) async fn connect(address: SocketAddr, user: &TestUser) -> Self {
        let mut client = Self::open(address, &format!("?token={}", user.token)).await;
        let hello = client.expect("connected").await;
        assert_eq!(hello["userId"], user.id.as_str());
        client.last_event_id = hello["lastEventId"].as_str().unwrap().to_owned();
        client
    }

    /// Connects a user who has been here.
    pub(crate) async fn reconnect(address: SocketAddr, user: &TestUser, last_event_id: &str) -> Self {
        let mut client = Self::open(address, &format!("?token={}&lastEventId={last_event_id}", user.token)).await;
        client.expect("connected").await;
        client
    }

    pub(crate) async fn send(&mut self, event: &str, data: Value) {
        self.send_text(json!({ "event": event, "data": data }).to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.send_raw(Message::text(text)).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame, or how the connection ended.
    pub(crate) async fn next(&mut self) -> Result<Value, Ended> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await;
            match next.expect("a frame within 20 s") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if let Some(id) = frame["id"].as_str() {
                        self.last_event_id = id.to_owned();
                    }
                    return Ok(frame);
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err(Ended(frame.code.into())),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Err(Ended(1006)),
            }
        }
    }

    /// The data of the next frame, which has to be this event.
    pub(crate) async fn expect(&mut self, event: &str) -> Value {
        let mut frame = self.next().await.unwrap_or_else(|ended| panic!("waiting for {event}: {ended:?}"));
        assert_eq!(frame["event"], event, "{frame}");
        frame["data"].take()
    }

    /// All frames until a `pong`: what had been on its way by now.
    pub(crate) async fn drain(&mut self) -> Vec<Value> {
        self.send("ping", json!({})).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.unwrap();
            if frame["event"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    pub(crate) async fn leave(mut self) -> String {
        self.socket.close(None).await.unwrap();
        self.last_event_id
    }
}
