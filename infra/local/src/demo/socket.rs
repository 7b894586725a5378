use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::api::Person;

const PATIENCE: Duration = Duration::from_secs(20);
/// Frames nobody waited for; the oldest go first.
const KEPT: usize = 1000;

/// A live connection of one person.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    user: String,
    kept: VecDeque<Value>,
}

impl Socket {
    /// Connects; the token goes in the first frame, not in the URL.
    pub(crate) async fn connect(url: &str, person: &Person) -> anyhow::Result<Self> {
        let address = format!("{}/ws", url.replacen("http", "ws", 1));
        let (stream, _) = tokio_tungstenite::connect_async(&address).await.context("the WebSocket does not open")?;
        let mut socket = Self { stream, user: person.id.clone(), kept: VecDeque::new() };
        socket.send("auth", json!({"token": person.token})).await?;
        socket.wait_for("connected", |_| true).await?;
        Ok(socket)
    }

    pub(crate) fn user_id(&self) -> &str {
        &self.user
    }

    pub(crate) async fn send(&mut self, event: &str, data: Value) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(json!({"event": event, "data": data}).to_string())).await?)
    }

    /// The data of the first frame of this event that fits; others are kept for later.
    pub(crate) async fn wait_for(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let wanted = |frame: &Value| frame["event"] == event && fits(&frame["data"]);
        if let Some(index) = self.kept.iter().position(&wanted) {
            return Ok(self.kept.remove(index).map(|frame| frame["data"].clone()).unwrap_or_default());
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let message =
                next.with_context(|| format!("no {event} frame within 20 s"))?.context("the server hung up")??;
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            if frame["event"] == "error" {
                bail!("the server refused a frame: {}", frame["data"]);
            }
            if wanted(&frame) {
                return Ok(frame["data"].clone());
            }
            self.kept.push_back(frame);
            self.kept.truncate(KEPT);
        }
    }
}
