use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, SessionId, TenantId, Time};
use lru::LruCache;
use model::session::SESSIONS;
use parking_lot::Mutex;
use store::Store;

/// For how long a session that was live counts as live: an access token outlives its session by no more than this,
/// on every instance.
const BELIEVED: Duration = Duration::from_secs(15);
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// Whether sessions still count, asked of the store at most every 15 seconds for each.
pub struct SessionGate {
    clock: Arc<dyn Clock>,
    live: Mutex<LruCache<(TenantId, SessionId), Time>>,
}

impl SessionGate {
    /// A gate that knows nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, live: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Whether the session is live.
    pub async fn is_live(&self, store: &Store, session: &SessionId) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let key = (store.database().tenant.clone(), session.clone());
        if self.live.lock().get(&key).is_some_and(|seen| now.since(*seen) < BELIEVED) {
            return Ok(true);
        }
        let live = store.get(&SESSIONS, session.as_str()).await?.is_some_and(|doc| doc.value.is_live(now));
        if live {
            self.live.lock().put(key, now);
        } else {
            self.live.lock().pop(&key);
        }
        Ok(live)
    }

    /// Forgets a session that ended here.
    pub fn forget(&self, tenant: &TenantId, session: &SessionId) {
        self.live.lock().pop(&(tenant.clone(), session.clone()));
    }
}
