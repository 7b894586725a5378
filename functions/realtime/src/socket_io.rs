//! Socket.IO v4 at `/socket.io/`, over WebSocket and polling: chats in the default namespace, notifications in
//! `/notifications`. A namespace is a connection like a plain WebSocket; only the names differ.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use futures::Stream;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SendError, SocketError, SocketIo};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower::Service;
use web::{ApiError, App, Caller, ClientInfo};

use crate::closing::Closing;
use crate::connection::{Connection, Feed, Inbound, Outlet, Stop};
use crate::hub::Hub;
use crate::render::Frame;

const PATH: &str = "/socket.io";
/// The largest packet, and the largest body of a polling client.
const MAX_PAYLOAD: usize = 128 * 1024;
/// So many packets wait for a client that does not read.
const WAITING: usize = 64;
/// So many of a client's packets wait for their turn; a client that sends more is sent away.
const UNANSWERED: usize = 128;
/// How long a client may take to read when no more packets can wait.
const WRITE: Duration = Duration::from_secs(10);
/// How often a packet is tried again that could not wait.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// How long a client may take to enter its first namespace.
const ENTER: Duration = Duration::from_secs(10);

/// The routes, and the handle that ends them.
pub(crate) fn routes(hub: &Arc<Hub>) -> (Router<App>, SocketIo) {
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .connect_timeout(ENTER)
        .max_payload(MAX_PAYLOAD as u64)
        .ws_max_message_size(MAX_PAYLOAD)
        .ws_max_frame_size(MAX_PAYLOAD)
        .max_buffer_size(WAITING)
        .build_svc();
    for (namespace, feed) in [("/", Feed::Chats), ("/notifications", Feed::Notifications)] {
        let hub = hub.clone();
        let enter = move |socket: SocketRef, TryData(auth): TryData<Value>| {
            enter(&hub, feed, &socket, &auth.unwrap_or_default());
            std::future::ready(())
        };
        io.ns(namespace, enter.with(authenticate));
    }
    let handle = move |State(app): State<App>, mut request: Request| {
        let mut service = service.clone();
        async move {
            // The value of this function is made before the application: each request brings it along.
            request.extensions_mut().insert(app);
            let answer: Result<_, Infallible> = service.call(request).await;
            answer.map_or_else(|never| match never {}, |response| Response::map(response, Body::new))
        }
    };
    (Router::new().route(PATH, any(handle.clone())).route(&format!("{PATH}/"), any(handle)), io)
}

/// What a client says of itself when it enters a namespace.
struct Handshake {
    token: Option<String>,
    last_event_id: Option<String>,
}

impl Handshake {
    /// From the `auth` object; what is not there may be in the query.
    fn of(socket: &SocketRef, auth: &Value) -> Self {
        let text = |name: &str| auth.get(name).and_then(Value::as_str).map(str::to_owned);
        let given = Self { token: text("token"), last_event_id: text("lastEventId") };
        let query = socket.req_parts().uri.query().unwrap_or_default();
        let query: HashMap<String, String> = form(query);
        let or = |given: Option<String>, name: &str| given.or_else(|| query.get(name).cloned());
        Self { token: or(given.token, "token"), last_event_id: or(given.last_event_id, "lastEventId") }
    }
}

fn form(query: &str) -> HashMap<String, String> {
    axum::extract::Query::try_from_uri(&format!("/?{query}").parse().unwrap_or_default())
        .map(|axum::extract::Query(pairs)| pairs)
        .unwrap_or_default()
}

/// Lets a client into a namespace that has a valid token: in its `auth`, in the query, or in the header.
async fn authenticate(socket: SocketRef, TryData(auth): TryData<Value>) -> Result<(), String> {
    let handshake = Handshake::of(&socket, &auth.unwrap_or_default());
    let caller = match socket.req_parts().extensions.get::<App>() {
        Some(app) => caller(app, &socket, handshake.token).await,
        None => Err(ApiError::internal("a Socket.IO request came without its application")),
    };
    match caller {
        Ok(caller) => {
            socket.extensions.insert(caller);
            Ok(())
        }
        Err(error) => {
            error.log();
            let code = json!(error.code());
            Err(format!("{}: {}", code.as_str().unwrap_or_default(), error.message()))
        }
    }
}

async fn caller(app: &App, socket: &SocketRef, token: Option<String>) -> Result<Caller, ApiError> {
    use axum::extract::FromRequestParts;
    match token {
        Some(token) => Caller::of_token(app, &token).await,
        None => {
            let mut parts = socket.req_parts().clone();
            Caller::from_request_parts(&mut parts, app).await
        }
    }
}

/// Begins a connection for a socket that was let in.
fn enter(hub: &Arc<Hub>, feed: Feed, socket: &SocketRef, auth: &Value) {
    let app = socket.req_parts().extensions.get::<App>().cloned();
    let (Some(app), Some(caller)) = (app, socket.extensions.get::<Caller>()) else { return };
    let last_event_id = Handshake::of(socket, auth).last_event_id;
    let request = socket.req_parts();
    let client = ClientInfo::of(&request.headers, &request.extensions, &app.settings);
    let (asked, inbound) = mpsc::channel(UNANSWERED);
    // These run in the order of the packets; only what they start would not.
    let for_packets = asked.clone();
    socket.on_fallback(move |socket: SocketRef, Event(event): Event, TryData(data): TryData<Value>, ack: AckSender| {
        let data = data.unwrap_or_else(|_| json!({}));
        let packet = Inbound::Asked { event: plain_name(&event), data, reply: Some(ack) };
        // Full: it sends faster than it is served. Gone: the connection is ending.
        if let Err(mpsc::error::TrySendError::Full(_)) = for_packets.try_send(Some(packet)) {
            let _ = socket.disconnect();
        }
        std::future::ready(())
    });
    socket.on_disconnect(move || {
        let asked = asked.clone();
        async move {
            let _ = asked.send(None).await;
        }
    });
    let outlet = Namespace { socket: socket.clone() };
    match Connection::open(app, hub, (caller, client), outlet, feed) {
        Ok(connection) => drop(tokio::spawn(connection.run(packets(inbound), last_event_id))),
        Err((outlet, closing)) => drop(tokio::spawn(outlet.close(closing, packets(inbound)))),
    }
}

type Packet = Inbound<Option<AckSender>>;

/// The packets until the socket ends, which `None` tells.
fn packets(inbound: mpsc::Receiver<Option<Packet>>) -> impl Stream<Item = Packet> + Unpin + Send {
    Box::pin(futures::stream::unfold(inbound, |mut inbound| async move {
        let packet = inbound.recv().await.flatten()?;
        Some((packet, inbound))
    }))
}

/// The plain name of what a Socket.IO client asks for; plain names are taken too.
fn plain_name(event: &str) -> String {
    match event {
        "join-chat" => "chat:join",
        "send-message" => "message:send",
        "typing" => "user:typing",
        "message-read" => "message:read",
        "message-delivered" => "message:delivered",
        "message-acknowledge" => "message:acknowledge",
        other => other,
    }
    .to_owned()
}

/// The Socket.IO name of an event.
fn socket_io_name(event: &str) -> String {
    match event {
        "notification:new" => "notification".to_owned(),
        other => other.replace(':', "-"),
    }
}

/// The way to a client in a namespace.
struct Namespace {
    socket: SocketRef,
}

impl Namespace {
    /// Emits, and waits while no more packets can wait.
    async fn emit(&self, event: &str, data: &Value) -> Result<(), Stop> {
        let given_up = Instant::now() + WRITE;
        loop {
            match self.socket.emit(event, data) {
                Ok(()) => return Ok(()),
                Err(SendError::Socket(SocketError::Closed)) => return Err(Stop::Gone),
                Err(SendError::Socket(SocketError::InternalChannelFull)) if Instant::now() < given_up => {
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Err(SendError::Socket(SocketError::InternalChannelFull)) => return Err(Closing::TOO_SLOW.into()),
                Err(SendError::Serialize(error)) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an event could not be written");
                    return Ok(());
                }
            }
        }
    }
}

impl Outlet for Namespace {
    type Reply = Option<AckSender>;
    const PINGS: bool = false;

    async fn deliver(&mut self, frame: &Frame, id: Option<&str>) -> Result<(), Stop> {
        let name = socket_io_name(&frame.event);
        match id {
            Some(id) => {
                let mut data = frame.data.clone();
                data["eventId"] = id.into();
                self.emit(&name, &data).await
            }
            None => self.emit(&name, &frame.data).await,
        }
    }

    /// Both by the acknowledgement, if the client asked for one, and by events that only a failure and a message have.
    async fn answer(&mut self, reply: Self::Reply, answer: Result<Option<Frame>, Frame>) -> Result<(), Stop> {
        let body = match &answer {
            Ok(Some(frame)) => json!({ "success": true, "data": frame.data }),
            Ok(None) => json!({ "success": true }),
            Err(frame) => json!({ "success": false, "error": frame.data }),
        };
        if let Some(ack) = reply {
            // Where none was asked for this does nothing.
            let _ = ack.send(&body);
        }
        match answer {
            Ok(Some(frame)) | Err(frame) => self.deliver(&frame, None).await,
            Ok(None) => Ok(()),
        }
    }

    async fn ping(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    /// A client that is disconnected does not come back by itself; one whose transport ends does. So at shutdown the
    /// transports are ended, all at once, and nothing is said here.
    async fn close(self, closing: Closing, _: impl Stream<Item = Packet> + Unpin + Send) {
        if closing == Closing::GOING_AWAY {
            return;
        }
        let _ = self.socket.emit("error", &json!({ "code": closing.name(), "message": closing.reason }));
        let given_up = Instant::now() + WRITE;
        while self.socket.clone().disconnect().is_err() && Instant::now() < given_up {
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
}
