//! Who is connected to this process, and what wakes their connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::{Live, Signal, SignalKind};
use kernel::{SessionId, TenantId, UserId};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use web::App;

use crate::closing::Closing;
use crate::shelf::Shelf;

/// So many passing events wait for a connection that is busy; more are dropped, for each is soon outdated.
const PASSING_WAITING: usize = 64;
/// How long to wait before the signals are asked for again.
const RESUBSCRIBE: Duration = Duration::from_secs(1);
/// How long a new connection waits for the signals to begin.
const LISTEN: Duration = Duration::from_secs(2);
/// How long the connections have to say goodbye at shutdown.
const GOODBYE: Duration = Duration::from_secs(3);

type Person = (TenantId, UserId);

/// All connections of this process. Signals of other processes reach them through it.
pub(crate) struct Hub {
    people: Mutex<HashMap<Person, Vec<Arc<Line>>>>,
    connections: watch::Sender<usize>,
    listener_started: AtomicBool,
    listening: watch::Sender<bool>,
    closed: AtomicBool,
    /// What connections that wake together read together.
    pub(crate) shelf: Shelf,
}

/// Something to be shown now or never.
#[derive(Debug, Clone)]
pub(crate) struct Passing {
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// What the hub calls a connection for.
#[derive(Debug)]
pub(crate) enum Call {
    /// There may be something new in the inbox.
    Inbox,
    /// Something is to be shown now.
    Passing(Arc<Passing>),
    /// The connection has to end.
    HangUp(Closing),
}

/// The hub's end of a connection.
#[derive(Debug)]
struct Line {
    session: Mutex<SessionId>,
    wake: Notify,
    passing: mpsc::Sender<Arc<Passing>>,
    hang_up: watch::Sender<Option<Closing>>,
}

/// The connection's end. Dropping it takes the connection out of the hub.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    person: Person,
    line: Arc<Line>,
    passing: mpsc::Receiver<Arc<Passing>>,
    hung_up: watch::Receiver<Option<Closing>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            people: Mutex::default(),
            connections: watch::Sender::new(0),
            listener_started: AtomicBool::new(false),
            listening: watch::Sender::new(false),
            closed: AtomicBool::new(false),
            shelf: Shelf::default(),
        }
    }
}

impl Hub {
    /// Takes a connection in. From now on signals for its user wake it. The first one begins to listen for signals,
    /// without waiting: whoever is in when the signals begin is woken then.
    pub(crate) fn join(self: &Arc<Self>, app: &App, person: Person, session: SessionId) -> Result<Seat, Closing> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Closing::GOING_AWAY);
        }
        let (passing_in, passing) = mpsc::channel(PASSING_WAITING);
        let (hang_up, hung_up) = watch::channel(None);
        let line = Arc::new(Line { session: Mutex::new(session), wake: Notify::new(), passing: passing_in, hang_up });
        self.people.lock().entry(person.clone()).or_default().push(line.clone());
        self.connections.send_modify(|count| *count += 1);
        metrics::gauge!("realtime_connections").increment(1.0);
        if !self.listener_started.swap(true, Ordering::SeqCst) {
            tokio::spawn(listen(Arc::downgrade(self), app.clone()));
        }
        // A hub that closed meanwhile may have missed this one.
        if self.closed.load(Ordering::SeqCst) {
            line.hang_up.send_replace(Some(Closing::GOING_AWAY));
        }
        Ok(Seat { hub: self.clone(), person, line, passing, hung_up })
    }

    /// Waits until signals arrive, but not for long: without them connections still look by themselves.
    pub(crate) async fn is_listening(&self) {
        let mut listening = self.listening.subscribe();
        let _ = tokio::time::timeout(LISTEN, listening.wait_for(|listening| *listening)).await;
    }

    /// Which of these users are connected to this process.
    pub(crate) fn present(&self, tenant: &TenantId, users: &[UserId]) -> Vec<UserId> {
        let people = self.people.lock();
        let is_here = |user: &&UserId| people.contains_key(&(tenant.clone(), (*user).clone()));
        users.iter().filter(is_here).cloned().collect()
    }

    /// Ends every connection and waits a moment for their goodbyes.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for line in self.people.lock().values().flatten() {
            line.hang_up.send_replace(Some(Closing::GOING_AWAY));
        }
        let mut connections = self.connections.subscribe();
        let all_gone = tokio::time::timeout(GOODBYE, connections.wait_for(|count| *count == 0)).await;
        if all_gone.is_err() {
            tracing::warn!(connections = *self.connections.borrow(), "some connections did not say goodbye in time");
        }
    }

    fn pass_on(&self, app: &App, signal: Signal) {
        let Signal { tenant, users, kind } = signal;
        if let SignalKind::SessionsEnded { sessions } = &kind {
            sessions.iter().for_each(|session| app.sessions.forget(&tenant, session));
        }
        let passing = match &kind {
            SignalKind::Passing { event, data } => Some(Arc::new(Passing { event: event.clone(), data: data.clone() })),
            _ => None,
        };
        let people = self.people.lock();
        for user in users {
            let Some(lines) = people.get(&(tenant.clone(), user)) else { continue };
            for line in lines {
                match &kind {
                    SignalKind::Inbox => line.wake.notify_one(),
                    SignalKind::Passing { .. } => {
                        if let Some(passing) = &passing {
                            let _ = line.passing.try_send(passing.clone());
                        }
                    }
                    SignalKind::SessionsEnded { sessions } => {
                        if sessions.contains(&line.session.lock()) {
                            line.hang_up.send_replace(Some(Closing::SIGNED_OUT));
                        }
                    }
                }
            }
        }
    }

    fn wake_all(&self) {
        self.people.lock().values().flatten().for_each(|line| line.wake.notify_one());
    }
}

impl Seat {
    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Waits for the hub to call; for a growing inbox only where `wants_inbox`.
    pub(crate) async fn called(&mut self, wants_inbox: bool) -> Call {
        tokio::select! {
            closing = self.hung_up.wait_for(Option::is_some) => {
                Call::HangUp(closing.ok().and_then(|closing| *closing).unwrap_or(Closing::GOING_AWAY))
            }
            () = self.line.wake.notified(), if wants_inbox => Call::Inbox,
            Some(passing) = self.passing.recv() => Call::Passing(passing),
        }
    }

    /// Whether the hub wants this connection to end.
    pub(crate) fn is_hung_up(&self) -> Option<Closing> {
        *self.hung_up.borrow()
    }

    /// Waits until the hub wants this connection to end.
    pub(crate) async fn hung_up(&mut self) -> Closing {
        let closing = self.hung_up.wait_for(Option::is_some).await;
        closing.ok().and_then(|closing| *closing).unwrap_or(Closing::GOING_AWAY)
    }

    /// The connection goes on under another sign-in of the same user.
    pub(crate) fn change_session(&self, session: &SessionId) {
        *self.line.session.lock() = session.clone();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut people = self.hub.people.lock();
        if let Some(lines) = people.get_mut(&self.person) {
            lines.retain(|line| !Arc::ptr_eq(line, &self.line));
            if lines.is_empty() {
                people.remove(&self.person);
            }
        }
        drop(people);
        metrics::gauge!("realtime_connections").decrement(1.0);
        self.hub.connections.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Passes signals on for as long as there is a hub. Whatever may have been missed before or between is made up for by
/// waking everybody: what they show comes from their inboxes and not from signals.
async fn listen(hub: std::sync::Weak<Hub>, app: App) {
    loop {
        match subscribe(app.live.as_ref()).await {
            Some(mut signals) => {
                if let Some(hub) = hub.upgrade() {
                    hub.listening.send_replace(true);
                    hub.wake_all();
                }
                pass_on_all(&hub, &app, &mut signals).await;
            }
            None => tokio::time::sleep(RESUBSCRIBE).await,
        }
        if hub.upgrade().is_none_or(|hub| hub.closed.load(Ordering::SeqCst)) {
            return;
        }
    }
}

async fn subscribe(live: &dyn Live) -> Option<broadcast::Receiver<Signal>> {
    match live.subscribe().await {
        Ok(signals) => Some(signals),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no signals yet; connections look by themselves");
            None
        }
    }
}

async fn pass_on_all(hub: &std::sync::Weak<Hub>, app: &App, signals: &mut broadcast::Receiver<Signal>) {
    loop {
        let received = signals.recv().await;
        let Some(hub) = hub.upgrade() else { return };
        match received {
            Ok(signal) => hub.pass_on(app, signal),
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "signals were lost; everybody looks into their inbox");
                hub.wake_all();
            }
            Err(broadcast::error::RecvError::Closed) => {
                tokio::time::sleep(RESUBSCRIBE).await;
                return;
            }
        }
    }
}
