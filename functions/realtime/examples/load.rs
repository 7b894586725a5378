//! How much one process carries on SQLite: `cargo run --release -p realtime --example load -- [sockets] [rounds]`.
//!
//! The clients run in the same process, so the numbers are a lower bound.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a measurement by hand")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use kernel::{ChatId, Role, UserId};
use model::chat::ChatType;
use serde_json::{Value, json};
use store_sqlite::SqliteBackend;
use testkit::{Build, TestApp, TestUser};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const CHAT_SIZE: usize = 10;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (sockets, rounds) = (args.next().unwrap_or(500), args.next().unwrap_or(10));
    let folder = std::env::temp_dir().join(format!("realtime-load-{}", std::process::id()));
    let backend = Arc::new(SqliteBackend::open(folder.clone(), runtime::declared_indexes()));
    let app = TestApp::build(Build { backend, ..Build::default() }, vec![realtime::function()]).await;
    let mut users = Vec::with_capacity(sockets);
    for n in 0..sockets {
        users.push(app.user(Role::Patient, &format!("User {n}")).await);
    }
    let address = listen(&app).await;
    let began = Instant::now();
    let mut clients = Vec::with_capacity(sockets);
    for part in users.chunks(50) {
        clients.extend(join_all(part.iter().map(|user| connect(address, user))).await);
    }
    println!("{sockets} sockets connected in {:.2?}", began.elapsed());

    let chats = small_chats(&app, &users).await;
    let clients = many_small_chats(clients, &chats, rounds).await;
    one_large_chat(&app, clients, &users).await;
    app.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

async fn listen(app: &TestApp) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn connect(address: SocketAddr, user: &TestUser) -> Socket {
    let url = format!("ws://{address}/ws?token={}", user.token);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    wait_for(&mut socket, "connected").await;
    socket
}

async fn wait_for(socket: &mut Socket, event: &str) {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(120), socket.next()).await.expect("in time");
        if let Message::Text(text) = message.unwrap().unwrap()
            && serde_json::from_str::<Value>(&text).unwrap()["event"] == event
        {
            return;
        }
    }
}

async fn send(socket: &mut Socket, chat: &ChatId) {
    let frame = json!({ "event": "message:send", "data": { "chatId": chat, "content": "How are you feeling today?" } });
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn small_chats(app: &TestApp, users: &[TestUser]) -> Vec<ChatId> {
    let mut chats = Vec::new();
    for people in users.chunks(CHAT_SIZE) {
        let ids: Vec<&UserId> = people.iter().map(|user| &user.id).collect();
        chats.push(app.chat(ChatType::CareTeam, None, &ids).await);
    }
    chats
}

/// Every chat's first member sends one message after the other; everybody waits for all of them.
async fn many_small_chats(clients: Vec<Socket>, chats: &[ChatId], rounds: usize) -> Vec<Socket> {
    let began = Instant::now();
    let mut tasks = Vec::with_capacity(clients.len());
    let count = clients.len();
    for (n, mut socket) in clients.into_iter().enumerate() {
        let chat = chats[n / CHAT_SIZE].clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..rounds {
                if n % CHAT_SIZE == 0 {
                    send(&mut socket, &chat).await;
                }
                wait_for(&mut socket, "message:received").await;
            }
            socket
        }));
    }
    let clients = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    let seconds = began.elapsed().as_secs_f64();
    let sent = (chats.len() * rounds) as f64;
    println!(
        "{} chats of {CHAT_SIZE}: {:.0} messages/s, {:.0} deliveries/s",
        chats.len(),
        sent / seconds,
        (count * rounds) as f64 / seconds
    );
    clients
}

async fn one_large_chat(app: &TestApp, clients: Vec<Socket>, users: &[TestUser]) {
    let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
    let chat = app.chat(ChatType::Broadcast, None, &ids).await;
    let began = Instant::now();
    let receivers: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(n, mut socket)| {
            let chat = chat.clone();
            tokio::spawn(async move {
                if n == 0 {
                    send(&mut socket, &chat).await;
                }
                wait_for(&mut socket, "message:received").await;
            })
        })
        .collect();
    join_all(receivers).await.into_iter().for_each(Result::unwrap);
    println!("one message to all {} members in {:.2?}", users.len(), began.elapsed());
}
