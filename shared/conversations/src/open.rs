use std::collections::{BTreeSet, HashMap};

use charts::Asking;
use futures::{StreamExt, TryStreamExt};
use kernel::{ChatId, MessageId, PatientId, Phi, UserId};
use model::chat::{CHATS, Chat, sequence_id};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{Message, messages, parse_message_id};
use model::patient::{PATIENTS, Patient};
use store::{Document, Key, Store};
use vault::{Subject, SubjectKey};
use web::{ApiError, App};

use crate::{Places, admit, takes_part};

/// How many keys are unwrapped at once.
const ADMITTED_AT_ONCE: usize = 16;

/// A chat that its reader may see, with the key that opens it.
#[derive(Debug)]
pub struct OpenChat {
    /// Its id.
    pub id: ChatId,
    /// The chat.
    pub chat: Chat,
    /// Its key.
    pub key: SubjectKey,
}

/// Whose key seals a chat: the patient's it is about, else its own.
pub fn chat_subject(id: &ChatId, patient: Option<&PatientId>) -> Subject {
    patient.map_or_else(|| Subject::Chat(id.clone()), |patient| Subject::Patient(patient.clone()))
}

/// The chat, for a member. Whoever is no member learns only that there is no such chat for them.
pub async fn open(asking: &Asking<'_>, id: &ChatId) -> Result<OpenChat, ApiError> {
    let chat = admit(asking, id, asking.store().get(&CHATS, id.as_str()).await?).await?;
    let key = key_of(asking, id, &chat).await?;
    Ok(OpenChat { id: id.clone(), chat, key })
}

/// A message with its chat, for a member, in one round trip.
pub async fn open_message(asking: &Asking<'_>, id: &MessageId) -> Result<(OpenChat, Message), ApiError> {
    let no_message = || ApiError::not_found("message");
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let keys =
        [Key::new(CHATS.path(), chat_id.as_str()), Key::new(messages(&chat_id).path(), sequence_id(seq).as_str())];
    let mut found = asking.store().get_keys(&keys).await?.into_iter();
    let chat = found.next().flatten().map(store::typed::<Chat>).transpose()?;
    let message = found.next().flatten().map(store::typed::<Message>).transpose()?.ok_or_else(no_message)?;
    let chat = admit(asking, &chat_id, chat).await.map_err(|error| error.instead_of_not_found(no_message()))?;
    let key = key_of(asking, &chat_id, &chat).await?;
    Ok((OpenChat { id: chat_id, chat, key }, message.value))
}

/// The chats of these memberships of whoever asks in which that person takes part now, each with its membership, in one
/// round trip.
pub async fn open_many(
    asking: &Asking<'_>,
    memberships: Vec<Membership>,
) -> Result<Vec<(OpenChat, Membership)>, ApiError> {
    let (app, store) = (asking.app(), asking.store());
    let subject = |m: &Membership| chat_subject(&m.chat_id, m.patient_id.as_ref());
    let mut keys: Vec<Key> = memberships.iter().map(|m| Key::new(CHATS.path(), m.chat_id.as_str())).collect();
    let mut subjects: Vec<Key> = memberships
        .iter()
        .map(subject)
        .filter(|subject| !app.vault.is_kept(store, subject))
        .map(|subject| vault::Vault::document_key(&subject))
        .collect();
    subjects.sort();
    subjects.dedup();
    let patients: BTreeSet<&PatientId> = memberships.iter().filter_map(|m| m.patient_id.as_ref()).collect();
    keys.extend(patients.iter().map(|id| Key::new(PATIENTS.path(), id.as_str())));
    keys.extend(subjects);
    let mut documents = store.get_keys(&keys).await?;
    let mut others = documents.split_off(memberships.len());
    admit_all(app, store, others.split_off(patients.len())).await?;
    let patients = patients_of(others)?;
    let mut opened = Vec::with_capacity(memberships.len());
    for (document, membership) in documents.into_iter().zip(memberships) {
        let Some(chat) = document.map(store::typed::<Chat>).transpose()?.map(|doc| doc.value) else { continue };
        let patient = chat.patient_id.as_ref().and_then(|id| patients.get(id));
        if !takes_part(asking, &membership.chat_id, &chat, patient).await? {
            continue;
        }
        let key = match app.vault.key(store, &subject(&membership)).await {
            Ok(key) => key,
            // A destroyed key takes its chat away, and no other.
            Err(vault::Error::KeyMissing { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        opened.push((OpenChat { id: membership.chat_id.clone(), chat, key }, membership));
    }
    Ok(opened)
}

/// Keeps the keys of these documents at hand; several at once, since each may ask a key service.
pub(crate) async fn admit_all(app: &App, store: &Store, keys: Vec<Option<Document>>) -> Result<(), ApiError> {
    let admitted = keys.into_iter().flatten().map(|document| app.vault.admit(store, document));
    futures::stream::iter(admitted).buffer_unordered(ADMITTED_AT_ONCE).try_collect::<()>().await?;
    Ok(())
}

/// Patients that were read, by id.
pub(crate) fn patients_of(documents: Vec<Option<Document>>) -> Result<HashMap<PatientId, Patient>, store::Error> {
    let mut patients = HashMap::new();
    for document in documents.into_iter().flatten() {
        let patient = store::typed::<Patient>(document)?;
        patients.extend(patient.id.parse().ok().map(|id: PatientId| (id, patient.value)));
    }
    Ok(patients)
}

async fn key_of(asking: &Asking<'_>, id: &ChatId, chat: &Chat) -> Result<SubjectKey, ApiError> {
    Ok(asking.app().vault.key(asking.store(), &chat_subject(id, chat.patient_id.as_ref())).await?)
}

impl OpenChat {
    /// A member's name, also of one who has left; empty for someone who never was in the chat.
    pub fn name_of(&self, places: &Places<'_>, user: &UserId) -> Result<Phi<String>, ApiError> {
        match self.chat.members.get(user) {
            Some(member) => Ok(self.key.open(&places.member_name(user), &member.name)?),
            None => Ok(Phi::new(String::new())),
        }
    }

    /// The chat's name for this reader: its own, or in a Direct chat without one the other person's.
    pub fn title_for(&self, places: &Places<'_>, reader: &UserId) -> Result<Phi<String>, ApiError> {
        if let Some(name) = &self.chat.name {
            return Ok(self.key.open(&places.name(), name)?);
        }
        match self.chat.members.keys().find(|user| *user != reader) {
            Some(other) => self.name_of(places, other),
            None => Ok(Phi::new(String::new())),
        }
    }

    /// The memberships of a few: the reader's own first, then those of the other current members, if there are no more
    /// than `most`. One round trip.
    pub async fn memberships(
        &self,
        store: &Store,
        reader: &UserId,
        most: usize,
    ) -> Result<(Option<Membership>, Vec<Membership>), ApiError> {
        let mut ids = vec![membership_id(&self.id, reader)];
        let others = self.chat.current_members().map(|(user, _)| user).filter(|user| *user != reader);
        if self.chat.current_members().count() <= most {
            ids.extend(others.map(|user| membership_id(&self.id, user)));
        }
        let mut found = store.get_many(&MEMBERSHIPS, &ids).await?.into_iter();
        let own = found.next().flatten().map(|doc| doc.value);
        Ok((own, found.flatten().map(|doc| doc.value).collect()))
    }
}
