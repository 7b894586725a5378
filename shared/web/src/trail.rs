//! What a request leaves in the audit log.
//!
//! A request of a [`Caller`](crate::Caller) has one [`Trail`]. A handler says on it what is done and whose record it is
//! about; nothing else is needed: the entry goes along with the caller's next commit, and what no commit has carried by
//! the end of the handler is written before the answer goes out. So an audited write costs no commit more, an audited
//! read costs one, and neither can be answered without its entry. What happens without a caller (signing in, a job, a
//! socket) makes its entries itself, by [`App::entry`](crate::App::entry).

use std::sync::Arc;

use access::Principal;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kernel::{AuditId, Clock, PatientId, Random, RandomExt, Role, UserId};
use model::audit::{AUDIT, AuditEntry, MOST_PATIENTS, Outcome, SHARDS};
use model::consent::Purpose;
use parking_lot::Mutex;
use store::{Companion, Key, Precondition, Store, Transaction, Write};

use crate::caller::ClientInfo;
use crate::{ApiError, App};

/// An entry of the audit log that is being made. Make it before its transaction, as events are.
#[derive(Debug, Clone)]
pub struct Entry {
    id: AuditId,
    entry: AuditEntry,
}

impl Entry {
    pub(crate) fn new(action: &str, client: &ClientInfo, clock: &dyn Clock, random: &dyn Random) -> Self {
        let entry = AuditEntry {
            at: clock.now(),
            shard: u8::try_from(random.below(u32::from(SHARDS))).unwrap_or(0),
            action: action.to_owned(),
            outcome: Outcome::Allowed,
            refusal: None,
            user_id: None,
            role: None,
            session_id: None,
            entity_type: None,
            entity_id: None,
            patients: Vec::new(),
            because: Vec::new(),
            purpose: None,
            operation: None,
            ip: client.ip.clone(),
            user_agent: client.user_agent.clone(),
            request_id: None,
        };
        Self { id: AuditId::generate(random), entry }
    }

    /// Who, where the role is not known.
    #[must_use]
    pub fn of_user(mut self, user: &UserId) -> Self {
        self.entry.user_id = Some(user.clone());
        self
    }

    /// Who, and as what.
    #[must_use]
    pub fn of(mut self, user: &UserId, role: Role) -> Self {
        self.entry.role = Some(role);
        self.of_user(user)
    }

    /// Who, as what, in which session.
    #[must_use]
    pub fn by(mut self, principal: &Principal) -> Self {
        self.entry.session_id = Some(principal.session.clone());
        self.of(&principal.user, principal.role)
    }

    /// What it was done to.
    #[must_use]
    pub fn entity(mut self, kind: &str, id: &str) -> Self {
        self.entry.entity_type = Some(kind.to_owned());
        self.entry.entity_id = Some(id.to_owned());
        self
    }

    /// Whose chart it is about.
    #[must_use]
    pub fn patient(mut self, patient: &PatientId) -> Self {
        add_patient(&mut self.entry, patient);
        self
    }

    /// What allowed it.
    #[must_use]
    pub fn because(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.entry.because.extend(reasons);
        self
    }

    /// That it was refused, and why, in one of few fixed words: never what somebody typed.
    #[must_use]
    pub fn denied(mut self, refusal: &'static str) -> Self {
        self.entry.outcome = Outcome::Denied;
        self.entry.refusal = Some(refusal.to_owned());
        self
    }

    /// Its id.
    pub const fn id(&self) -> &AuditId {
        &self.id
    }

    /// Writes it in a commit of its own.
    pub async fn write(&self, store: &Store) -> Result<(), store::Error> {
        let quiet = store.clone().without_companions();
        quiet.transact("audit", async |tx| tx.record(self)).await
    }
}

/// Recording entries in a transaction.
pub trait Record {
    /// Writes the entry with the transaction's data.
    fn record(&self, entry: &Entry) -> Result<(), store::Error>;
}

impl Record for Transaction {
    fn record(&self, entry: &Entry) -> Result<(), store::Error> {
        self.create(&AUDIT, entry.id.as_str(), &entry.entry)
    }
}

fn add_patient(entry: &mut AuditEntry, patient: &PatientId) {
    if entry.patients.len() < MOST_PATIENTS && !entry.patients.contains(patient) {
        entry.patients.push(patient.clone());
    }
}

/// The audit entry of one request in the making. Clones are the same trail.
#[derive(Clone)]
pub struct Trail(Arc<Inner>);

struct Inner {
    state: Mutex<Making>,
    client: ClientInfo,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// Counts changes, so that an entry is written once for each state that mattered: an entry that is durable is never
/// changed; what is learned after that goes into another one.
struct Making {
    entry: Entry,
    is_armed: bool,
    is_disclosed: bool,
    changes: u64,
    offered: u64,
    durable: u64,
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trail")
    }
}

impl Trail {
    /// A trail that leaves nothing until it is told an action.
    pub fn new(app: &App, client: ClientInfo) -> Self {
        let entry = Entry::new("", &client, app.clock.as_ref(), app.random.as_ref());
        let state =
            Mutex::new(Making { entry, is_armed: false, is_disclosed: false, changes: 0, offered: 0, durable: 0 });
        Self(Arc::new(Inner { state, client, clock: app.clock.clone(), random: app.random.clone() }))
    }

    /// Says what is done: `what.how`, such as `patient.read`. From here on the request leaves an entry.
    pub fn action(&self, action: &'static str) -> &Self {
        self.change(|making| {
            making.is_armed = true;
            action.clone_into(&mut making.entry.entry.action);
        })
    }

    /// Says what it is done to.
    pub fn entity(&self, kind: &'static str, id: impl AsRef<str>) -> &Self {
        self.change(|making| {
            making.entry.entry.entity_type = Some(kind.to_owned());
            making.entry.entry.entity_id = Some(id.as_ref().to_owned());
        })
    }

    /// Says whose chart it is about; of several, one after the other.
    pub fn patient(&self, patient: &PatientId) -> &Self {
        self.change(|making| add_patient(&mut making.entry.entry, patient))
    }

    /// Says what allows it.
    pub fn because(&self, reasons: impl IntoIterator<Item = String>) -> &Self {
        let mut reasons: Vec<String> = reasons.into_iter().collect();
        self.change(|making| {
            reasons.retain(|reason| !making.entry.entry.because.contains(reason));
            making.entry.entry.because.append(&mut reasons);
        })
    }

    /// Says for what.
    pub fn purpose(&self, purpose: Purpose) -> &Self {
        self.change(|making| making.entry.entry.purpose = Some(purpose))
    }

    /// Says that personal data goes out, to the caller or to an outside service, whatever becomes of the request: the
    /// entry is written although the handler fails.
    pub fn disclosed(&self) -> &Self {
        self.0.state.lock().is_disclosed = true;
        self
    }

    /// Says that it is refused, and why, in one of few fixed words. Such an entry is written although the handler fails.
    pub fn denied(&self, refusal: &'static str) -> &Self {
        self.change(|making| {
            making.entry.entry.outcome = Outcome::Denied;
            making.entry.entry.refusal = Some(refusal.to_owned());
        })
    }

    /// The patients that it is about, and what allowed it.
    pub(crate) fn about(&self) -> (Vec<PatientId>, Vec<String>) {
        let making = self.0.state.lock();
        (making.entry.entry.patients.clone(), making.entry.entry.because.clone())
    }

    /// Where the request comes from.
    pub fn client(&self) -> &ClientInfo {
        &self.0.client
    }

    pub(crate) fn by(&self, principal: &Principal) {
        // Who asks is no news by itself.
        let mut making = self.0.state.lock();
        making.entry.entry.user_id = Some(principal.user.clone());
        making.entry.entry.role = Some(principal.role);
        making.entry.entry.session_id = Some(principal.session.clone());
    }

    fn asked(&self, operation: String, request_id: Option<String>) {
        let mut making = self.0.state.lock();
        making.entry.entry.operation = Some(operation);
        making.entry.entry.request_id = request_id;
    }

    fn change(&self, change: impl FnOnce(&mut Making)) -> &Self {
        let mut making = self.0.state.lock();
        if making.durable == making.changes && making.durable > 0 {
            // What is durable stays as it is: this is the beginning of another entry.
            let fresh = Entry::new("", &self.0.client, self.0.clock.as_ref(), self.0.random.as_ref());
            making.entry.id = fresh.id;
            making.entry.entry.at = fresh.entry.at;
        }
        let before = making.entry.entry.clone();
        change(&mut making);
        if before != making.entry.entry || !making.is_armed {
            making.changes += 1;
        }
        drop(making);
        self
    }

    /// Whether an id is one that this program makes: a UUID, perhaps with `n-` before it or `_` and a number after it.
    fn is_made_here(id: &str) -> bool {
        let id = id.strip_prefix("n-").unwrap_or(id);
        let (uuid, number) = id.split_once('_').unwrap_or((id, ""));
        let is_hyphen = |index: usize| matches!(index, 8 | 13 | 18 | 23);
        let is_right = |(index, c): (usize, u8)| if is_hyphen(index) { c == b'-' } else { c.is_ascii_hexdigit() };
        uuid.len() == 36 && uuid.bytes().enumerate().all(is_right) && number.bytes().all(|c| c.is_ascii_digit())
    }

    /// The entry as it is written. What was refused may name by its id what somebody typed, a person's name perhaps: such
    /// an id is left out.
    fn presentable(entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if entry.entry.outcome == Outcome::Denied {
            entry.entry.entity_id = entry.entry.entity_id.filter(|id| Self::is_made_here(id));
            entry.entry.patients.retain(|id| Self::is_made_here(id.as_str()));
        }
        entry
    }

    /// Writes what no commit has carried. `succeeded`: whether the handler did what it was asked.
    pub(crate) async fn finish(&self, store: &Store, succeeded: bool) -> Result<(), store::Error> {
        let left = {
            let making = self.0.state.lock();
            let is_denied = making.entry.entry.outcome == Outcome::Denied;
            let matters = making.is_armed && (succeeded || is_denied || making.is_disclosed);
            (matters && making.durable < making.changes).then(|| Self::presentable(&making.entry))
        };
        match left {
            // Put, since a commit whose answer was lost may have carried it.
            Some(Entry { id, entry }) => {
                let quiet = store.clone().without_companions();
                quiet.transact("audit", async |tx| tx.put(&AUDIT, id.as_str(), &entry)).await
            }
            None => Ok(()),
        }
    }
}

impl Companion for Trail {
    fn goes_along(&self) -> Option<Write> {
        let mut making = self.0.state.lock();
        if !making.is_armed || making.durable == making.changes {
            return None;
        }
        making.offered = making.changes;
        let entry = Self::presentable(&making.entry).entry;
        let serde_json::Value::Object(fields) = serde_json::to_value(entry).ok()? else { return None };
        let key = Key::new(AUDIT.path(), making.entry.id.as_str());
        Some(Write::Put { key, fields, expire_at: None, precondition: Precondition::None })
    }

    fn went_along(&self) {
        let mut making = self.0.state.lock();
        making.durable = making.durable.max(making.offered);
    }
}

/// The middleware around all routes of callers: gives a request its trail, and lets no answer out before its entry is
/// durable.
pub async fn audit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let client = ClientInfo::of(request.headers(), request.extensions(), &app.settings);
    let trail = Trail::new(&app, client);
    let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str);
    let request_id = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    trail.asked(format!("{} {route}", request.method()), request_id);
    let holder = TrailOf { trail: trail.clone(), store: Arc::default() };
    request.extensions_mut().insert(holder.clone());
    let response = next.run(request).await;
    let Some(store) = holder.store.lock().clone() else { return response };
    match trail.finish(&store, response.status().is_success()).await {
        Ok(()) => response,
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// A request's trail, and the store it is written to, once its caller is known.
#[derive(Clone)]
pub(crate) struct TrailOf {
    pub(crate) trail: Trail,
    pub(crate) store: Arc<Mutex<Option<Store>>>,
}

/// The request's id, for its entry.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_here_are_told_from_what_somebody_typed() {
        let uuid = "4b0c2a9e-1111-4222-8333-444455556666";
        for made in [uuid.to_owned(), format!("{uuid}_0000000012"), format!("n-{uuid}_0000000012")] {
            assert!(Trail::is_made_here(&made), "{made}");
        }
        for typed in ["", "canary-finch", "Jane_Roe", "4b0c2a9e-1111-4222-8333-44445555666x", &format!("{uuid}_jane")] {
            assert!(!Trail::is_made_here(typed), "{typed}");
        }
    }
}
