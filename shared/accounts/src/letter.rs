use std::time::Duration;

use events::{Emit, Occurred};
use kernel::{Channel, OutgoingId, Phi, TenantId, UserId};
use model::event::MessageWanted;
use model::outgoing::{MessageState, OUTGOING, OutgoingMessage, Route};
use store::{Store, Transaction};
use vault::{Place, Subject, SubjectKey};
use web::{ApiError, App};

/// A message to a user that is wanted: by e-mail, SMS or WhatsApp.
///
/// Nothing goes out in a request. [`Letter::seal`] makes the document before the transaction, [`Posted::save`] writes it
/// together with what the message tells of, and after the commit an event handler sends it. SMS and the like are read on
/// locked screens and by operators: write nothing personal into them.
#[derive(Debug)]
pub struct Letter {
    /// What it is for, in one of few fixed words such as `sign-in-code`.
    pub kind: &'static str,
    /// The ways to the person, the first one first; the next is taken where one fails.
    pub routes: Vec<(Channel, Phi<String>)>,
    /// The subject line of an e-mail.
    pub subject: String,
    /// What it says.
    pub text: Phi<String>,
    /// For how long it is of use.
    pub useful_for: Duration,
}

impl Letter {
    /// Seals the letter under its reader's key.
    pub async fn post(self, app: &App, store: &Store, user: &UserId) -> Result<Posted, ApiError> {
        let key = app.vault.key(store, &Subject::User(user.clone())).await?;
        Ok(self.seal(app, &store.database().tenant, user, &key))
    }

    /// The same with a key that is at hand: that of an account which is only being made.
    pub fn seal(self, app: &App, tenant: &TenantId, user: &UserId, key: &SubjectKey) -> Posted {
        let id = OutgoingId::generate(app.random.as_ref());
        let places = Places { tenant, id: id.as_str() };
        let routes = self
            .routes
            .iter()
            .enumerate()
            .map(|(n, (channel, to))| Route { channel: *channel, to: key.seal(&places.of(&route_field(n)), to) });
        let now = app.now();
        let message = OutgoingMessage {
            user_id: user.clone(),
            kind: self.kind.to_owned(),
            state: MessageState::Waiting,
            routes: routes.collect(),
            subject: Some(key.seal(&places.of("subject"), &Phi::new(self.subject))),
            text: Some(key.seal(&places.of("text"), &self.text)),
            attempts: Vec::new(),
            created_at: now,
            useful_until: now.plus(self.useful_for),
        };
        let wanted = app.occurs(MessageWanted { message_id: id.clone() });
        Posted { id, message, wanted }
    }
}

/// A letter ready to be written together with other documents.
#[derive(Debug)]
pub struct Posted {
    id: OutgoingId,
    message: OutgoingMessage,
    wanted: Occurred<MessageWanted>,
}

impl Posted {
    /// Writes it; after the commit it goes out.
    pub fn save(&self, tx: &Transaction) -> Result<(), store::Error> {
        tx.create_until(&OUTGOING, self.id.as_str(), &self.message, self.message.kept_until())?;
        tx.emit(&self.wanted)
    }

    /// Its id.
    pub const fn id(&self) -> &OutgoingId {
        &self.id
    }
}

/// What one way of a letter needs to go out.
#[derive(Debug)]
pub struct Opened {
    /// To whom.
    pub to: Phi<String>,
    /// The subject line.
    pub subject: Phi<String>,
    /// What it says.
    pub text: Phi<String>,
}

/// Opens a letter for sending it on its n-th route; `None` where it has no such route or is finished.
pub fn open_letter(
    key: &SubjectKey,
    tenant: &TenantId,
    id: &OutgoingId,
    message: &OutgoingMessage,
    route: usize,
) -> Result<Option<Opened>, vault::Error> {
    let places = Places { tenant, id: id.as_str() };
    let (Some(way), Some(subject), Some(text)) = (message.routes.get(route), &message.subject, &message.text) else {
        return Ok(None);
    };
    Ok(Some(Opened {
        to: key.open(&places.of(&route_field(route)), &way.to)?,
        subject: key.open(&places.of("subject"), subject)?,
        text: key.open(&places.of("text"), text)?,
    }))
}

fn route_field(route: usize) -> String {
    format!("routes.{route}.to")
}

struct Places<'a> {
    tenant: &'a TenantId,
    id: &'a str,
}

impl<'a> Places<'a> {
    const fn of(&'a self, field: &'a str) -> Place<'a> {
        Place::new(self.tenant, "outgoing-messages", self.id, field)
    }
}
