use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;

/// A Google project to set things up in, with clients that are made when they are first used and shared by clones.
#[derive(Clone)]
pub struct GoogleProject {
    connection: Arc<Connection>,
}

impl GoogleProject {
    /// The project at Google, with the Application Default Credentials.
    pub fn new(project: impl Into<String>) -> Self {
        Self::with(project, None, Waits::default())
    }

    /// The project on a server that speaks Google's REST (`http://127.0.0.1:9000`) and asks for no credentials, as tests
    /// want it.
    pub fn at(endpoint: impl Into<String>, project: impl Into<String>, waits: Waits) -> Self {
        Self::with(project, Some(endpoint.into()), waits)
    }

    /// The same project, waiting otherwise than by default.
    #[must_use]
    pub fn waiting(self, waits: Waits) -> Self {
        Self::with(self.id(), self.connection.endpoint.clone(), waits)
    }

    /// The project's id.
    pub fn id(&self) -> &str {
        &self.connection.project
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn with(project: impl Into<String>, endpoint: Option<String>, waits: Waits) -> Self {
        Self { connection: Arc::new(Connection::new(project.into(), endpoint, waits)) }
    }
}

impl std::fmt::Debug for GoogleProject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GoogleProject({})", self.id())
    }
}

/// How long is waited for Google.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For an answer to one attempt of a call.
    pub attempt: Duration,
    /// Before a failed call is tried again, and before an operation is first asked about; grows from there.
    pub first: Duration,
    /// The longest time between two attempts or questions.
    pub longest: Duration,
    /// For everything that one command makes. Google builds indexes and TTL policies in minutes, even of nothing.
    pub overall: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(20),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(15),
            overall: Duration::from_secs(45 * 60),
        }
    }
}
