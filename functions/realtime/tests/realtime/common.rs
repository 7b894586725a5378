//! Chats without the chats function, clients, and an instance that listens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use events::Emit;
use futures::{SinkExt, StreamExt};
use kernel::{ChatId, NotificationId, Phi, Role, UserId};
use model::chat::{CHATS, Chat, ChatType, Happening, LogEntry, Member, log, sequence_id};
use model::event::{ChatLogGrew, NotificationsCreated, SessionsEnded};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::messages;
use model::notification::{Notification, NotificationType, notifications};
use model::session::{EndReason, Ended as SessionEnd, SESSIONS};
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use vault::{Place, Subject};

/// A chat of these people, the first of them its admin.
pub(crate) async fn make_chat(app: &TestApp, users: &[&TestUser]) -> ChatId {
    let people: Vec<(UserId, &str)> = users.iter().map(|user| (user.id.clone(), user.name.as_str())).collect();
    make_large_chat(app, &people).await
}

/// A chat of anyone, accounts or not.
pub(crate) async fn make_large_chat(app: &TestApp, people: &[(UserId, &str)]) -> ChatId {
    let id = ChatId::generate(app.app.random.as_ref());
    let key = app.app.vault.ensure_key(&app.store, &Subject::Chat(id.clone())).await.unwrap();
    let places = conversations::Places::of(&app.tenant, &id);
    let now = app.app.now();
    let mut members = BTreeMap::new();
    for (user, name) in people {
        let name = key.seal(&places.member_name(user), &Phi::new((*name).to_owned()));
        let admin = members.is_empty();
        let member = Member { name, role: Role::Doctor, admin, joined_at: now, left_at: None, sent: 0 };
        members.insert(user.clone(), member);
    }
    let chat = Chat {
        kind: ChatType::CareTeam,
        name: Some(key.seal(&places.name(), &Phi::new("Team".to_owned()))),
        avatar: None,
        patient_id: None,
        phone_number: None,
        created_by: people[0].0.clone(),
        created_at: now,
        updated_at: now,
        deleted_at: None,
        message_seq: 0,
        log_seq: 0,
        last_message: None,
        members,
    };
    for part in people.chunks(300) {
        app.store
            .transact("test-memberships", async |tx| {
                for (user, _) in part {
                    let membership = Membership::new(id.clone(), user.clone(), &chat);
                    tx.put(&MEMBERSHIPS, &membership_id(&id, user), &membership)?;
                }
                Ok::<_, store::Error>(())
            })
            .await
            .unwrap();
    }
    app.store.transact("test-chat", async |tx| tx.put(&CHATS, id.as_str(), &chat)).await.unwrap();
    id
}

/// Changes a chat as the chats function does: the change, its log entry and the event in one commit.
pub(crate) async fn happen(app: &TestApp, chat: &ChatId, by: &UserId, what: Happening, change: impl Fn(&mut Chat)) {
    let now = app.app.now();
    let grew = app.app.occurs(ChatLogGrew { chat_id: chat.clone(), log_seq: 0, happening: what.clone() });
    app.store
        .transact("test-happening", async |tx| {
            let mut value = tx.get(&CHATS, chat.as_str()).await?.unwrap().value;
            change(&mut value);
            value.log_seq += 1;
            let log_seq = value.log_seq;
            let entry = LogEntry { what: what.clone(), by: by.clone(), at: now };
            tx.put(&CHATS, chat.as_str(), &value)?;
            tx.create(&log(chat), &sequence_id(log_seq), &entry)?;
            tx.emit(&grew.with(ChatLogGrew { chat_id: chat.clone(), log_seq, happening: what.clone() }))
        })
        .await
        .unwrap();
}

/// Takes someone out of a chat.
pub(crate) async fn remove(app: &TestApp, chat: &ChatId, by: &UserId, user: &UserId) {
    let now = app.app.now();
    happen(app, chat, by, Happening::MemberRemoved { user: user.clone() }, |chat| {
        chat.members.get_mut(user).unwrap().left_at = Some(now);
    })
    .await;
}

/// Deletes the text of a message.
pub(crate) async fn delete_message(app: &TestApp, chat: &ChatId, by: &UserId, seq: u64) {
    let now = app.app.now();
    app.store
        .transact("test-delete", async |tx| {
            let mut message = tx.get(&messages(chat), &sequence_id(seq)).await?.unwrap().value;
            message.content = None;
            message.deleted_at = Some(now);
            tx.put(&messages(chat), &sequence_id(seq), &message)
        })
        .await
        .unwrap();
    happen(app, chat, by, Happening::MessageDeleted { seq }, |_| {}).await;
}

/// Sends a message without a socket.
pub(crate) async fn say(app: &TestApp, chat: &ChatId, sender: &TestUser, text: &str) -> String {
    let new = conversations::NewMessage {
        chat_id: chat.clone(),
        sender: sender.id.clone(),
        kind: model::message::MessageKind::Text,
        content: Phi::new(text.to_owned()),
        priority: model::message::Priority::Normal,
    };
    conversations::send(&app.app, &app.store, new).await.unwrap().view.id.to_string()
}

/// Ends a sign-in as identity does.
pub(crate) async fn end_session(app: &TestApp, user: &TestUser) {
    let now = app.app.now();
    let ended = app.app.occurs(SessionsEnded { user_id: user.id.clone(), session_ids: vec![user.session.clone()] });
    app.store
        .transact("test-sign-out", async |tx| {
            let mut session = tx.get(&SESSIONS, user.session.as_str()).await?.unwrap().value;
            session.ended = Some(SessionEnd { at: now, reason: EndReason::LoggedOut });
            tx.put(&SESSIONS, user.session.as_str(), &session)?;
            tx.emit(&ended)
        })
        .await
        .unwrap();
}

/// Makes a notification about a chat as notifications does.
pub(crate) async fn notify(app: &TestApp, chat: &ChatId, user: &TestUser) -> NotificationId {
    let id = NotificationId::generate(app.app.random.as_ref());
    let key = app.app.vault.key(&app.store, &Subject::Chat(chat.clone())).await.unwrap();
    let seal = |field, text: &str| {
        key.seal(&Place::new(&app.tenant, "notifications", id.as_str(), field), &Phi::new(text.to_owned()))
    };
    let notification = Notification {
        kind: NotificationType::Message,
        chat_id: chat.clone(),
        message_id: None,
        title: seal("title", "New message"),
        body: seal("body", "Hello"),
        is_read: false,
        read_at: None,
        created_at: app.app.now(),
    };
    let created = app.app.occurs(NotificationsCreated { notification_id: id.clone(), user_ids: vec![user.id.clone()] });
    app.store
        .transact("test-notify", async |tx| {
            tx.create(&notifications(&user.id), id.as_str(), &notification)?;
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
