use std::ops::Deref;
use std::sync::Arc;

use access::password::Passwords;
use access::token::Tokens;
use blobs::Blobs;
use connect::messages::Messenger;
use events::{Live, Occurred};
use kernel::{Clock, Random, Time};
use model::event::Event;
use vault::Vault;

use crate::{Limits, OutsideSignIn, SessionGate, Settings, ShowsAgain, Tenants};

/// What every handler can use, whichever platform it runs on.
pub struct Parts {
    /// The tenants and their stores.
    pub tenants: Tenants,
    /// Opens and seals personal data.
    pub vault: Vault,
    /// Issues and checks access tokens.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Whether a session still counts.
    pub sessions: SessionGate,
    /// Makes callers of outside issuers' tokens.
    pub outside: Arc<dyn OutsideSignIn>,
    /// How many requests are served in a minute.
    pub limits: Limits,
    /// Signals to sockets.
    pub live: Arc<dyn Live>,
    /// Sends e-mail, SMS and the like. Want a message with `accounts::Letter` instead of calling it in a request.
    pub messages: Arc<dyn Messenger>,
    /// Whether an answer about patients may be given again.
    pub shows_again: Arc<dyn ShowsAgain>,
    /// Files of users.
    pub blobs: Arc<dyn Blobs>,
    /// Audit checkpoints, kept where they can be added and not changed.
    pub checkpoints: Arc<dyn Blobs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Configuration.
    pub settings: Settings,
}

/// The application: [`Parts`], shared. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// An application of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// An event that happens now; emit it in a transaction.
    pub fn occurs<E: Event>(&self, event: E) -> Occurred<E> {
        Occurred::new(event, self.now(), self.random.as_ref())
    }

    /// An entry of the audit log for something that happens now, from this client: `what.how`, such as `auth.login`.
    /// What a caller does leaves its entry by [`crate::Caller::trail`] instead.
    pub fn entry(&self, action: &str, client: &crate::ClientInfo) -> crate::Entry {
        crate::Entry::new(action, client, self.clock.as_ref(), self.random.as_ref())
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
