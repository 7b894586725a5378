//! Reads what many connections are about to show. A message in a chat of a thousand wakes a thousand connections that
//! all want the same chat and message; those that ask while a read is under way share the next one. A read that begins
//! after it was asked for is as fresh as one's own: membership and consent hold at the moment of sending.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use charts::Asking;
use conversations::{OpenChat, chat_subject, takes_part};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use kernel::{ChatId, MessageId, PatientId, TenantId};
use model::chat::{CHATS, Chat, sequence_id};
use model::message::{Message, messages, parse_message_id};
use model::patient::{PATIENTS, Patient};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use store::{Document, Key, Store};
use web::{ApiError, App};

/// Reads of so many different things go on at once.
const GATES: usize = 64;

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) tenant: TenantId,
    pub(crate) chats: BTreeSet<ChatId>,
    pub(crate) messages: BTreeSet<MessageId>,
}

/// What was there and could be opened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    chats: HashMap<ChatId, OpenChat>,
    messages: HashMap<MessageId, Message>,
    patients: HashMap<PatientId, Patient>,
}

type Load = Shared<BoxFuture<'static, Result<Arc<Found>, Arc<ApiError>>>>;

/// The reads that are waiting to begin.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    waiting: Mutex<HashMap<Wanted, Load>>,
    gates: Vec<tokio::sync::Mutex<()>>,
}

impl Default for Shelf {
    fn default() -> Self {
        let gates = (0..GATES).map(|_| tokio::sync::Mutex::new(())).collect();
        Self(Arc::new(Inner { waiting: Mutex::default(), gates }))
    }
}

impl Shelf {
    /// Reads, by a read that begins now or later.
    pub(crate) async fn load(&self, app: &App, store: &Store, wanted: Wanted) -> Result<Arc<Found>, Arc<ApiError>> {
        if wanted.chats.is_empty() && wanted.messages.is_empty() {
            return Ok(Arc::default());
        }
        let load = {
            let mut waiting = self.0.waiting.lock();
            let begin = || self.begin(app.clone(), store.clone(), wanted.clone());
            waiting.entry(wanted.clone()).or_insert_with(begin).clone()
        };
        load.await
    }

    /// The read runs as a task of its own, so that it goes on when whoever asked for it goes away.
    fn begin(&self, app: App, store: Store, wanted: Wanted) -> Load {
        let inner = self.0.clone();
        let task = tokio::spawn(async move {
            let _turn = inner.gate(&wanted).lock().await;
            inner.waiting.lock().remove(&wanted);
            read(&app, &store, &wanted).await.map(Arc::new).map_err(Arc::new)
        });
        task.map(|done| done.unwrap_or_else(|error| Err(Arc::new(ApiError::internal(error))))).boxed().shared()
    }
}

impl Inner {
    fn gate(&self, wanted: &Wanted) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        wanted.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % GATES as u64).unwrap_or(0);
        &self.gates[index]
    }
}

impl Found {
    /// The chat, whoever asks and even if it is deleted.
    pub(crate) fn chat(&self, id: &ChatId) -> Option<&OpenChat> {
        self.chats.get(id)
    }

    /// The chats in which someone takes part now.
    pub(crate) async fn chats_of(&self, asking: &Asking<'_>) -> Result<HashSet<ChatId>, ApiError> {
        let mut open_to = HashSet::new();
        for (id, OpenChat { chat, .. }) in &self.chats {
            let patient = chat.patient_id.as_ref().and_then(|id| self.patients.get(id));
            if takes_part(asking, id, chat, patient).await? {
                open_to.insert(id.clone());
            }
        }
        Ok(open_to)
    }

    /// The message, as it is now.
    pub(crate) fn message(&self, id: &MessageId) -> Option<&Message> {
        self.messages.get(id)
    }
}

async fn read(app: &App, store: &Store, wanted: &Wanted) -> Result<Found, ApiError> {
    let named = |id: &MessageId| parse_message_id(id).map(|(chat, seq)| (id.clone(), chat, seq));
    let named: Vec<(MessageId, ChatId, u64)> = wanted.messages.iter().filter_map(named).collect();
    let mut keys: Vec<Key> = wanted.chats.iter().map(|id| Key::new(CHATS.path(), id.as_str())).collect();
    keys.extend(named.iter().map(|(_, chat, seq)| Key::new(messages(chat).path(), sequence_id(*seq))));
    let mut chats = store.get_keys(&keys).await?;
    let texts = chats.split_off(wanted.chats.len());

    let mut found = Found::default();
    for ((id, ..), document) in named.into_iter().zip(texts) {
        if let Some(message) = document.and_then(undamaged::<Message>) {
            found.messages.insert(id, message);
        }
    }
    let chats = wanted.chats.iter().zip(chats).filter_map(|(id, document)| Some((id, undamaged::<Chat>(document?)?)));
    let chats: Vec<(&ChatId, Chat)> = chats.collect();
    let about: BTreeSet<&PatientId> = chats.iter().filter_map(|(_, chat)| chat.patient_id.as_ref()).collect();
    let about: Vec<Key> = about.into_iter().map(|id| Key::new(PATIENTS.path(), id.as_str())).collect();
    for document in store.get_keys(&about).await?.into_iter().flatten() {
        let id = document.key.id.parse().ok();
        found.patients.extend(id.zip(undamaged::<Patient>(document)));
    }
    let opened = chats.into_iter().map(async |(id, chat)| {
        let subject = chat_subject(id, chat.patient_id.as_ref());
        (id, chat, app.vault.key(store, &subject).await)
    });
    for (id, chat, key) in join_all(opened).await {
        match key {
            Ok(key) => drop(found.chats.insert(id.clone(), OpenChat { id: id.clone(), chat, key })),
            Err(error) if error.is_retryable() => return Err(error.into()),
            // A destroyed key is meant to make its chat unreadable.
            Err(error) => {
                tracing::warn!(chat_id = %id, error = &error as &dyn std::error::Error, "a chat cannot be opened");
            }
        }
    }
    Ok(found)
}

/// A document that is not what it should be must not keep a user from all that follows.
pub(crate) fn undamaged<T: DeserializeOwned>(document: Document) -> Option<T> {
    match store::typed::<T>(document) {
        Ok(doc) => Some(doc.value),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a damaged document is not shown");
            None
        }
    }
}
