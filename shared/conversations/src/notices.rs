use std::collections::HashMap;

use charts::Asking;
use kernel::{ChatId, EmergencyId, MessageId, NotificationId, PatientId, Phi, TenantId, Time, UserId};
use model::chat::{CHATS, Chat, sequence_id};
use model::message::{Message, messages, parse_message_id};
use model::notification::{Notification, NotificationType};
use model::patient::{PATIENTS, Patient};
use serde::Serialize;
use store::{Doc, Document, Key};
use utoipa::ToSchema;
use vault::{Place, Subject, SubjectKey};
use web::ApiError;

use crate::open::{admit_all, patients_of};
use crate::{OpenChat, Places, chat_subject, preview_of, takes_part};

/// What stands in place of a text that its reader may no longer see.
const HIDDEN_TITLE: &str = "A message you can no longer see";
const HIDDEN_BODY: &str = "You are no longer in that chat, or the message was deleted.";

/// A notification, as the API shows it.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    /// The notification.
    pub id: NotificationId,
    /// What it is about, such as `message`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "message")]
    pub kind: NotificationType,
    /// The title. Generic once the caller may no longer see the message.
    #[schema(example = "New message from Dr. Smith")]
    pub title: String,
    /// The body: the beginning of the message. Generic once the caller may no longer see the message.
    #[schema(example = "How are you feeling today?")]
    pub body: String,
    /// What to open.
    pub data: NotificationData,
    /// Whether the caller has read it.
    pub is_read: bool,
    /// When.
    pub read_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// The same as `createdAt`, by the name it has in the live event.
    pub timestamp: Time,
}

/// What a notification leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationData {
    /// The chat, if it is about one.
    pub chat_id: Option<ChatId>,
    /// The message, if it is about one.
    pub message_id: Option<MessageId>,
    /// The review of an emergency access, if it asks for one; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_id: Option<EmergencyId>,
}

impl std::fmt::Debug for NotificationView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NotificationView({})", self.id)
    }
}

/// Whose key seals a notification's texts: that of the chat it is about, else its recipient's.
pub fn notification_subject(notification: &Notification, recipient: &UserId) -> Subject {
    match &notification.chat_id {
        Some(chat) => chat_subject(chat, notification.patient_id.as_ref()),
        None => Subject::User(recipient.clone()),
    }
}

/// Where a notification's sealed fields stand: `title` and `body`. All recipients' documents have the same place, since
/// they say the same.
pub fn notification_place<'a>(tenant: &'a TenantId, id: &'a NotificationId) -> Place<'a> {
    Place::new(tenant, "notifications", id.as_str(), "title")
}

/// These notifications of a reader's, by the rules of this moment: who has left the chat, or whose message was deleted
/// or its key destroyed, sees no text, and of an edited message the reader sees what it says now. One round trip. A
/// named disclosure.
pub async fn show_notifications(
    asking: &Asking<'_>,
    found: Vec<Doc<Notification>>,
) -> Result<Vec<NotificationView>, ApiError> {
    let store = asking.store();
    let surroundings = Surroundings::read(asking, &found).await?;
    let mut shown = Vec::with_capacity(found.len());
    for Doc { id, value: notification, .. } in found {
        let Ok(id) = id.parse::<NotificationId>() else { continue };
        let texts = match surroundings.visible(asking, &notification).await? {
            Some((key, message)) => {
                notification.patient_id.iter().for_each(|patient| asking.saw(patient));
                texts(&store.database().tenant, &id, &notification, &key, message)?
            }
            None => (HIDDEN_TITLE.to_owned(), HIDDEN_BODY.to_owned()),
        };
        shown.push(view(id, notification, texts));
    }
    Ok(shown)
}

/// One notification for a reader who may see its chat now, from what was read before; `message` is the one it is about.
/// `None` where that message is no more. A named disclosure.
pub fn show_notification(
    open: &OpenChat,
    tenant: &TenantId,
    id: NotificationId,
    notification: Notification,
    message: Option<&Message>,
) -> Result<Option<NotificationView>, ApiError> {
    let message = message.filter(|message| message.content.is_some());
    if notification.message_id.is_some() && message.is_none() {
        return Ok(None);
    }
    let texts = texts(tenant, &id, &notification, &open.key, message)?;
    Ok(Some(view(id, notification, texts)))
}

/// One notification that is about no chat, opened with its recipient's key. A named disclosure.
pub fn show_own_notification(
    key: &SubjectKey,
    tenant: &TenantId,
    id: NotificationId,
    notification: Notification,
) -> Result<NotificationView, ApiError> {
    let texts = texts(tenant, &id, &notification, key, None)?;
    Ok(view(id, notification, texts))
}

/// What notifications are about, as it is now.
struct Surroundings {
    chats: HashMap<ChatId, Chat>,
    messages: HashMap<MessageId, Message>,
    patients: HashMap<PatientId, Patient>,
}

impl Surroundings {
    async fn read(asking: &Asking<'_>, found: &[Doc<Notification>]) -> Result<Self, ApiError> {
        let (app, store) = (asking.app(), asking.store());
        let mut wanted: Vec<Key> = Vec::new();
        for Doc { value, .. } in found {
            wanted.extend(value.chat_id.as_ref().map(|id| Key::new(CHATS.path(), id.as_str())));
            wanted.extend(value.message_id.as_ref().and_then(message_key));
            wanted.extend(value.patient_id.as_ref().map(|id| Key::new(PATIENTS.path(), id.as_str())));
            let subject = notification_subject(value, asking.user());
            if !app.vault.is_kept(store, &subject) {
                wanted.push(vault::Vault::document_key(&subject));
            }
        }
        wanted.sort();
        wanted.dedup();
        let documents = store.get_keys(&wanted).await?;
        let of = |path: &str, document: &Document| document.key.collection == path;
        let (keys, others): (Vec<_>, Vec<_>) =
            documents.into_iter().flatten().partition(|document| of(&vault::DATA_KEYS.path(), document));
        admit_all(app, store, keys.into_iter().map(Some).collect()).await?;
        let (patients, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|document| of(&PATIENTS.path(), document));
        let patients = patients_of(patients.into_iter().map(Some).collect())?;
        let mut chats = HashMap::new();
        let mut by_place = HashMap::new();
        for document in others {
            if of(&CHATS.path(), &document) {
                let chat = store::typed::<Chat>(document)?;
                chats.extend(chat.id.parse().ok().map(|id: ChatId| (id, chat.value)));
            } else {
                let place = document.key.clone();
                by_place.insert(place, store::typed::<Message>(document)?.value);
            }
        }
        let ids = found.iter().filter_map(|doc| doc.value.message_id.clone());
        let messages = ids.filter_map(|id| Some((id.clone(), by_place.remove(&message_key(&id)?)?))).collect();
        Ok(Self { chats, messages, patients })
    }

    /// The key that opens the notification, and the message it is about, if its reader may see them now.
    async fn visible(
        &self,
        asking: &Asking<'_>,
        notification: &Notification,
    ) -> Result<Option<(SubjectKey, Option<&Message>)>, ApiError> {
        if let Some(chat_id) = &notification.chat_id {
            let Some(chat) = self.chats.get(chat_id) else { return Ok(None) };
            let patient = chat.patient_id.as_ref().and_then(|id| self.patients.get(id));
            if !takes_part(asking, chat_id, chat, patient).await? {
                return Ok(None);
            }
        }
        let message = match &notification.message_id {
            Some(id) => match self.messages.get(id).filter(|message| message.content.is_some()) {
                Some(message) => Some(message),
                None => return Ok(None),
            },
            None => None,
        };
        let subject = notification_subject(notification, asking.user());
        match asking.app().vault.key(asking.store(), &subject).await {
            Ok(key) => Ok(Some((key, message))),
            Err(vault::Error::KeyMissing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn message_key(id: &MessageId) -> Option<Key> {
    let (chat, seq) = parse_message_id(id)?;
    Some(Key::new(messages(&chat).path(), sequence_id(seq)))
}

fn texts(
    tenant: &TenantId,
    id: &NotificationId,
    notification: &Notification,
    key: &SubjectKey,
    message: Option<&Message>,
) -> Result<(String, String), ApiError> {
    let place = notification_place(tenant, id);
    let title = key.open(&place.field("title"), &notification.title)?.into_disclosed();
    let edited = message.filter(|message| message.edited_at.is_some()).and_then(|message| message.content.as_ref());
    let body: Phi<String> = match (edited, &notification.message_id, &notification.chat_id) {
        (Some(content), Some(message), Some(chat_id)) => {
            let places = Places::of(tenant, chat_id);
            preview_of(&key.open(&places.content(message), content)?)
        }
        _ => key.open(&place.field("body"), &notification.body)?,
    };
    Ok((title, body.into_disclosed()))
}

fn view(id: NotificationId, notification: Notification, (title, body): (String, String)) -> NotificationView {
    NotificationView {
        id,
        kind: notification.kind,
        title,
        body,
        data: NotificationData {
            chat_id: notification.chat_id,
            message_id: notification.message_id,
            review_id: notification.emergency_id,
        },
        is_read: notification.is_read,
        read_at: notification.read_at,
        created_at: notification.created_at,
        timestamp: notification.created_at,
    }
}
