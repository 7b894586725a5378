use std::sync::Arc;

use blobs::{Blobs, UrlSigner};
use connect::messages::{Messenger, SimulatedMessenger};
use events::{Bus, Live};
use kernel::{Clock, Random, TenantId};
use store::{Backend, Database, Kind};
use store_sqlite::Declared;
use vault::KeyWrap;

/// Where documents, events and keys are. The one place besides `infra/local` that knows.
#[derive(Clone)]
pub struct Platform {
    /// What it calls itself, for logs and `/health`.
    pub name: &'static str,
    /// The document store.
    pub backend: Arc<dyn Backend>,
    /// The database with the tenants' registry.
    pub registry: Database,
    /// The bus to other processes; `None` where all handlers are in this one.
    pub bus: Option<Arc<dyn Bus>>,
    /// Signals to sockets.
    pub live: Arc<dyn Live>,
    /// Sends messages.
    pub messages: Arc<dyn Messenger>,
    /// Whose messages the page `GET /dev/outbox` shows; `None` leaves the page out.
    pub dev_outbox: Option<DevOutbox>,
    /// Files of users; `None` where no function needs them.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Audit checkpoints; `None` where no function needs them.
    pub checkpoints: Option<Arc<dyn Blobs>>,
    /// What checks the signed URLs of files that this process serves itself; `None` where another service does.
    pub blob_urls: Option<UrlSigner>,
    /// What wraps data keys.
    pub key_wrap: Arc<dyn KeyWrap>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// A page for one person with a laptop: what would have been sent.
#[derive(Clone)]
pub struct DevOutbox {
    /// What keeps the messages.
    pub messages: Arc<SimulatedMessenger>,
    /// Whether requests that name another host than this machine may see it.
    pub open_to_others: bool,
}

/// Every collection there is, in the order of their names: what Firestore's settings are made of.
pub fn declared_kinds() -> Vec<Kind> {
    let mut kinds = model::kinds();
    kinds.extend([vault::DATA_KEYS.kind(), web::idempotency_keys()]);
    kinds.sort_by_key(|kind| kind.name);
    kinds
}

/// The indexes that SQLite makes: the composite ones that collections declare, and those of single fields, which
/// Firestore has by itself.
pub fn declared_indexes() -> Vec<Declared> {
    model::indexes().into_iter().map(Declared::from).collect()
}

/// The database with the tenants' registry.
pub(crate) fn registry(name: &str, project: &str) -> anyhow::Result<Database> {
    let tenant: TenantId = "registry".parse()?;
    Ok(Database { tenant, project: project.to_owned(), name: name.to_owned(), prefix: String::new() })
}
