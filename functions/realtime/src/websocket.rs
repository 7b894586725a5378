//! Plain WebSocket frames `{event, data}` at `/ws`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use axum::routing::get;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, Stream, StreamExt};
use garde::Validate;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};
use web::{ApiError, App, Caller, ClientInfo, Code, Query};

use crate::closing::Closing;
use crate::command::Command;
use crate::connection::{Connection, Feed, Inbound, Outlet, Stop, error_frame};
use crate::hub::Hub;
use crate::render::Frame;

/// The largest frame that is read: a message of the longest text in any script fits.
const MAX_FRAME: usize = 128 * 1024;
/// A larger one ends the connection before it is read to its end.
const MAX_MESSAGE: usize = 1024 * 1024;
/// How long a client may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(10);
/// How long a client may take to read a frame. Frames are rendered when they are sent and never queued but in the
/// socket's own buffers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The route.
pub(crate) fn routes(hub: Arc<Hub>) -> Router<App> {
    Router::new().route("/ws", get(move |app, handshake, upgrade| connect(hub.clone(), app, handshake, upgrade)))
}

/// What comes with the handshake.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HandshakeQuery {
    /// Kept for clients that can send nothing else; the URL is not logged.
    #[garde(length(max = 5000))]
    token: Option<String>,
    #[garde(length(max = 100))]
    last_event_id: Option<String>,
}

/// Who connects, if the handshake says so, and where to resume.
struct Handshake {
    caller: Option<Caller>,
    client: ClientInfo,
    last_event_id: Option<String>,
}

impl FromRequestParts<App> for Handshake {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Query(query) = Query::<HandshakeQuery>::from_request_parts(parts, app).await?;
        let has_header = ["authorization", "x-forwarded-authorization"].iter().any(|h| parts.headers.contains_key(*h));
        let caller = match query.token {
            Some(token) => Some(Caller::of_token(app, &token).await?),
            None if has_header => Some(Caller::from_request_parts(parts, app).await?),
            None => None,
        };
        let client = ClientInfo::of(&parts.headers, &parts.extensions, &app.settings);
        Ok(Self { caller, client, last_event_id: query.last_event_id })
    }
}

/// Takes a WebSocket. A bad token in the handshake is refused with its status; without one the first frame has to be
/// `auth`.
async fn connect(
    hub: Arc<Hub>,
    State(app): State<App>,
    handshake: Handshake,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| {
        ApiError::new(Code::InvalidRequest, "This path speaks WebSocket: connect with ws:// or wss://.")
            .with_status(StatusCode::UPGRADE_REQUIRED)
    })?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| serve(hub, app, handshake, socket)))
}

async fn serve(hub: Arc<Hub>, app: App, handshake: Handshake, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let mut outlet = Plain { sink, patience: PATIENCE };
    let Handshake { caller, client, mut last_event_id } = handshake;
    let caller = match caller {
        Some(caller) => caller,
        None => match sign_in(&app, &mut outlet, &mut stream).await {
            Some((caller, resume)) => {
                last_event_id = last_event_id.or(resume);
                caller
            }
            None => return outlet.close(Closing::NOT_SIGNED_IN, inbound(stream)).await,
        },
    };
    match Connection::open(app, &hub, (caller, client), outlet, Feed::Everything) {
        Ok(connection) => connection.run(inbound(stream), last_event_id).await,
        Err((outlet, closing)) => outlet.close(closing, inbound(stream)).await,
    }
}

/// Waits for the `auth` frame.
async fn sign_in(
    app: &App,
    outlet: &mut Plain,
    stream: &mut SplitStream<WebSocket>,
) -> Option<(Caller, Option<String>)> {
    let first = async {
        let mut inbound = std::pin::pin!(inbound(stream));
        loop {
            match inbound.next().await? {
                Inbound::Alive => {}
                first => return Some(first),
            }
        }
    };
    let wants_token = || ApiError::unauthorized("Send {\"event\":\"auth\",\"data\":{\"token\":..}} first.");
    let signed_in = match tokio::time::timeout(SIGN_IN, first).await {
        Ok(Some(Inbound::Asked { event, data, .. })) if event == "auth" => match Command::read(&event, &data) {
            Ok(Command::Authenticate(auth)) => {
                Caller::of_token(app, &auth.token).await.map(|caller| (caller, auth.last_event_id))
            }
            Ok(_) => Err(wants_token()),
            Err(error) => Err(error),
        },
        Ok(Some(Inbound::Malformed(error))) => Err(error),
        Ok(Some(_)) | Err(_) => Err(wants_token()),
        Ok(None) => return None,
    };
    match signed_in {
        Ok(signed_in) => Some(signed_in),
        Err(error) => {
            error.log();
            let _ = outlet.deliver(&error_frame(&error, None), None).await;
            None
        }
    }
}

/// What a client sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFrame {
    event: String,
    #[serde(default = "nothing")]
    data: Value,
}

impl Validate for ClientFrame {
    type Context = ();
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

fn nothing() -> Value {
    json!({})
}

/// The frames of a socket, until it ends.
fn inbound<S>(stream: S) -> impl Stream<Item = Inbound<()>> + Unpin + Send
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin + Send,
{
    let until_closed = stream.take_while(|message| {
        std::future::ready(matches!(message, Ok(message) if !matches!(message, Message::Close(_))))
    });
    until_closed.map(|message| match message {
        Ok(Message::Text(text)) => read_frame(text.as_str()),
        Ok(Message::Binary(_)) => Inbound::Malformed(ApiError::new(
            Code::InvalidRequest,
            "Frames are text: JSON with \"event\" and \"data\".",
        )),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) | Err(_) => Inbound::Alive,
    })
}

fn read_frame(text: &str) -> Inbound<()> {
    if text.len() > MAX_FRAME {
        let limit = MAX_FRAME / 1024;
        return Inbound::Malformed(ApiError::new(
            Code::ValidationError,
            format!("The frame is too large: at most {limit} KiB."),
        ));
    }
    match web::read_json::<ClientFrame>(text.as_bytes()) {
        Ok(ClientFrame { event, data }) => Inbound::Asked { event, data, reply: () },
        Err(error) => Inbound::Malformed(error),
    }
}

/// The way to a client that speaks plain frames.
struct Plain {
    sink: SplitSink<WebSocket, Message>,
    /// How long the client may take to read a frame.
    patience: Duration,
}

impl Plain {
    async fn send(&mut self, message: Message) -> Result<(), Stop> {
        match tokio::time::timeout(self.patience, self.sink.send(message)).await {
            Ok(sent) => sent.map_err(|_| Stop::Gone),
            Err(_) => Err(Closing::TOO_SLOW.into()),
        }
    }
}

impl Outlet for Plain {
    type Reply = ();
    const PINGS: bool = true;

    async fn deliver(&mut self, frame: &Frame, id: Option<&str>) -> Result<(), Stop> {
        let text = match id {
            Some(id) => json!({ "event": frame.event, "id": id, "data": frame.data }),
            None => json!({ "event": frame.event, "data": frame.data }),
        };
        self.send(Message::text(text.to_string())).await
    }

    async fn answer(&mut self, (): (), answer: Result<Option<Frame>, Frame>) -> Result<(), Stop> {
        match answer {
            Ok(Some(frame)) | Err(frame) => self.deliver(&frame, None).await,
            Ok(None) => Ok(()),
        }
    }

    async fn ping(&mut self) -> Result<(), Stop> {
        self.send(Message::Ping(Default::default())).await
    }

    /// The client's answer is waited for: what is sent to a socket that is closed at once resets it, and the reason
    /// would be lost.
    async fn close(mut self, closing: Closing, inbound: impl Stream<Item = Inbound<()>> + Unpin + Send) {
        let frame = CloseFrame { code: closing.code, reason: closing.reason.into() };
        let goodbye = async {
            if self.sink.send(Message::Close(Some(frame))).await.is_ok() {
                inbound.for_each(|_| std::future::ready(())).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// What a socket whose client never reads ends with.
    async fn write_until_it_fails(socket: WebSocket) -> Stop {
        let (sink, _stream) = socket.split();
        let mut outlet = Plain { sink, patience: Duration::from_millis(50) };
        let large = Frame::new("large", json!("x".repeat(1 << 20)));
        loop {
            if let Err(stop) = outlet.deliver(&large, None).await {
                return stop;
            }
        }
    }

    #[tokio::test]
    async fn who_does_not_read_is_sent_away() {
        let (ended, mut end) = mpsc::channel(1);
        let upgrade = move |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(move |socket| async move {
                let _ = ended.send(write_until_it_fails(socket).await).await;
            })
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(upgrade))).await });
        let _client = tokio_tungstenite::connect_async(format!("ws://{address}/")).await.unwrap();
        let stop = tokio::time::timeout(Duration::from_secs(20), end.recv()).await.unwrap().unwrap();
        assert!(matches!(stop, Stop::Close(Closing::TOO_SLOW)));
    }
}
