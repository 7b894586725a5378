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
/// How often it is written down, at most, that a session is in use.
const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// Whether sessions still count, asked of the store at most every 15 seconds for each.
pub struct SessionGate {
    clock: Arc<dyn Clock>,
    idle: Duration,
    live: Mutex<LruCache<(TenantId, SessionId), Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    checked: Time,
    last_seen: Time,
}

impl SessionGate {
    /// A gate that knows nothing yet. Sessions end after `idle` without a request.
    pub fn new(clock: Arc<dyn Clock>, idle: Duration) -> Self {
        Self { clock, idle, live: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Whether the session is live. Asking is no use of it: what asks by itself, such as an open socket, keeps no session
    /// awake.
    pub async fn is_live(&self, store: &Store, session: &SessionId) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let key = (store.database().tenant.clone(), session.clone());
        let is_fresh = |known: &Known| now.since(known.checked) < BELIEVED && now.since(known.last_seen) < self.idle;
        if self.live.lock().get(&key).is_some_and(is_fresh) {
            return Ok(true);
        }
        let found = store.get(&SESSIONS, session.as_str()).await?.map(|doc| doc.value);
        let live = found.filter(|session| session.is_live(now) && !session.is_idle(now, self.idle));
        let mut known = self.live.lock();
        match &live {
            Some(session) => known.put(key, Known { checked: now, last_seen: session.last_seen_at }),
            None => known.pop(&key),
        };
        Ok(live.is_some())
    }

    /// Notes that somebody uses a live session: a write every five minutes at most.
    pub async fn used(&self, store: &Store, session: &SessionId) -> Result<(), store::Error> {
        let now = self.clock.now();
        let key = (store.database().tenant.clone(), session.clone());
        let before = {
            let mut all = self.live.lock();
            let Some(known) = all.get_mut(&key) else { return Ok(()) };
            if now.since(known.last_seen) < NOTED_EVERY {
                return Ok(());
            }
            // Others of this instance need not do the same meanwhile.
            std::mem::replace(&mut known.last_seen, now)
        };
        let noted = self.note(store, session, now).await;
        if noted.is_err()
            && let Some(known) = self.live.lock().get_mut(&key)
        {
            known.last_seen = before;
        }
        noted
    }

    async fn note(&self, store: &Store, session: &SessionId, now: Time) -> Result<(), store::Error> {
        // It is no effect of what is asked.
        let quiet = store.clone().without_companions();
        quiet
            .transact("session-used", async |tx| {
                let found = tx.get(&SESSIONS, session.as_str()).await?.map(|doc| doc.value);
                let due = |session: &model::session::Session| {
                    session.is_live(now) && session.is_idle(now, NOTED_EVERY) && !session.is_idle(now, self.idle)
                };
                let Some(mut found) = found.filter(due) else { return Ok(()) };
                found.last_seen_at = now;
                tx.put_until(&SESSIONS, session.as_str(), &found, found.kept_until())
            })
            .await
    }

    /// Forgets a session that ended here.
    pub fn forget(&self, tenant: &TenantId, session: &SessionId) {
        self.live.lock().pop(&(tenant.clone(), session.clone()));
    }
}
