use std::collections::BTreeSet;
use std::time::Duration;

/// What a function may use of its platform beside documents, keys and events, which all of them use. What it does not
/// declare it does not get, on one machine neither: in the cloud its service account has no right to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Files of users: stored, read, removed, shared by signed URLs.
    Files,
    /// Audit checkpoints: added and read, never changed.
    Checkpoints,
    /// The private key, which signs access tokens and statements. Others have the public keys only.
    Signing,
    /// Signals to sockets, sent and heard.
    Live,
    /// A language model.
    Model,
}

impl Need {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Files, Self::Checkpoints, Self::Signing, Self::Live, Self::Model];

    /// Its name in the files that Terraform reads. It gives rights by it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Checkpoints => "checkpoints",
            Self::Signing => "signing",
            Self::Live => "live",
            Self::Model => "model",
        }
    }
}

/// What several functions need, together.
pub type Needs = BTreeSet<Need>;

/// How a function's container runs in the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Memory of an instance, in MiB. Cloud Run stops an instance that takes more.
    pub memory_mib: u32,
    /// How many requests an instance serves at once, sockets included.
    pub concurrency: u32,
    /// How long a request may take. At most an hour.
    pub timeout: Duration,
    /// Whether it holds sockets: reached by a load balancer instead of the gateway, by each client on one instance.
    pub sockets: bool,
}

impl Default for Service {
    /// 512 MiB, 80 requests at once, a minute for each.
    fn default() -> Self {
        Self { memory_mib: 512, concurrency: 80, timeout: Duration::from_secs(60), sockets: false }
    }
}

impl Service {
    /// For sockets: an hour each, which is Cloud Run's longest, and 1,000 of them at once, its most.
    pub const fn of_sockets() -> Self {
        Self { memory_mib: 1024, concurrency: 1000, timeout: Duration::from_secs(3600), sockets: true }
    }

    /// The same with another time for a request.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
