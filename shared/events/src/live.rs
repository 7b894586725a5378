use async_trait::async_trait;
use kernel::{TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

/// Something for the sockets of some users, wherever they are connected. May be lost; never personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// Whose database.
    pub tenant: TenantId,
    /// For whom.
    pub users: Vec<UserId>,
    /// What.
    pub kind: SignalKind,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SignalKind {
    /// There is something new in the inbox.
    Inbox,
    /// Show this now or never.
    Passing {
        /// The frame's event.
        event: String,
        /// The frame's data.
        data: Value,
    },
    /// These sessions ended; their sockets close.
    SessionsEnded {
        /// Which.
        sessions: Vec<kernel::SessionId>,
    },
}

/// A signal could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("a live signal could not be sent")]
pub struct LiveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Carries signals to every instance that holds sockets.
#[async_trait]
pub trait Live: Send + Sync {
    /// Sends a signal to all instances, this one too.
    async fn publish(&self, signal: Signal) -> Result<(), LiveError>;

    /// The signals that arrive from now on. Who falls behind loses the oldest and is told so.
    async fn subscribe(&self) -> Result<broadcast::Receiver<Signal>, LiveError>;

    /// Ends the subscription, at shutdown.
    async fn close(&self);
}
