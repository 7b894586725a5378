//! Inbox entries as frames. An entry names documents; what is shown is what they say, and to whom they may be shown,
//! at the moment of sending.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use charts::Asking;
use conversations::{NotificationView, OpenChat, Places, show, show_notification, show_own_notification};
use kernel::{ChatId, JobId, MessageId, NotificationId, PatientId, Time, UserId};
use model::chat::Happening;
use model::inbox::{InboxEntry, Told};
use model::message::{message_id, parse_message_id};
use model::notification::{Notification, notifications};
use model::scribe_job::{SCRIBE_JOBS, ScribeJob};
use serde_json::{Value, json};
use store::Key;
use vault::{Subject, SubjectKey};
use web::{ApiError, App, Caller};

use crate::shelf::{Found, Shelf, Wanted, undamaged};

/// Something for a client. Its data is disclosed to that client and nobody else.
#[derive(Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) event: Cow<'static, str>,
    pub(crate) data: Value,
}

impl Frame {
    pub(crate) fn new(event: impl Into<Cow<'static, str>>, data: Value) -> Self {
        Self { event: event.into(), data }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({})", self.event)
    }
}

/// Frames, and what they show.
pub(crate) struct Rendered {
    /// In the order of the entries; `None` for each that this reader may not see, or that names something that is no
    /// more.
    pub(crate) frames: Vec<Option<Frame>>,
    /// The chats they show something of, with the patients these are about.
    pub(crate) chats: Vec<(ChatId, Option<PatientId>)>,
}

/// The frames of some entries.
pub(crate) async fn render(
    app: &App,
    shelf: &Shelf,
    reader: &Caller,
    entries: &[InboxEntry],
) -> Result<Rendered, Arc<ApiError>> {
    let own = Own::read(app, reader, entries).await.map_err(Arc::new)?;
    let found = shelf.load(app, &reader.store, wanted(reader, entries, &own)).await?;
    let asking = Asking::of(app, reader);
    let open_to = found.chats_of(&asking).await.map_err(Arc::new)?;
    let view = View { reader, own, found: &found, open_to: &open_to };
    let frame = |entry: &InboxEntry| {
        // What does not open today will not open tomorrow, and must not keep the reader from what follows.
        view.frame(&entry.what).unwrap_or_else(|error| {
            error.log();
            None
        })
    };
    let frames: Vec<Option<Frame>> = entries.iter().map(frame).collect();
    let shown = entries.iter().zip(&frames).filter(|(_, frame)| frame.is_some());
    let chats: BTreeSet<ChatId> = shown.filter_map(|(entry, _)| view.chat_of(&entry.what)).collect();
    let about = |id: &ChatId| found.chat(id).and_then(|open| open.chat.patient_id.clone());
    let chats = chats.into_iter().filter(|id| open_to.contains(id)).map(|id| (id.clone(), about(&id))).collect();
    Ok(Rendered { frames, chats })
}

/// What only this reader has: notifications and scribe jobs.
#[derive(Default)]
struct Own {
    notifications: HashMap<NotificationId, Notification>,
    jobs: HashMap<JobId, ScribeJob>,
    /// The reader's own key, where a notification that is about no chat needs it.
    key: Option<SubjectKey>,
}

impl Own {
    async fn read(app: &App, reader: &Caller, entries: &[InboxEntry]) -> Result<Self, ApiError> {
        let collection = notifications(reader.user());
        let key = |entry: &InboxEntry| match &entry.what {
            Told::Notification { notification_id } => Some(Key::new(collection.path(), notification_id.as_str())),
            Told::ScribeJob { job_id } => Some(Key::new(SCRIBE_JOBS.path(), job_id.as_str())),
            Told::Chat { .. } | Told::Read { .. } | Told::Acknowledged { .. } => None,
        };
        let keys: BTreeSet<Key> = entries.iter().filter_map(key).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let mut own = Self::default();
        for document in reader.store.get_keys(&keys).await?.into_iter().flatten() {
            let id = document.key.id.clone();
            if document.key.collection == SCRIBE_JOBS.path() {
                let job = undamaged::<ScribeJob>(document).filter(|job| job.requested_by == *reader.user());
                own.jobs.extend(id.parse().ok().zip(job));
            } else {
                own.notifications.extend(id.parse().ok().zip(undamaged(document)));
            }
        }
        if own.notifications.values().any(|notification| notification.chat_id.is_none()) {
            own.key = match app.vault.key(&reader.store, &Subject::User(reader.user().clone())).await {
                Err(vault::Error::KeyMissing { .. }) => None,
                found => Some(found?),
            };
        }
        Ok(own)
    }
}

fn wanted(reader: &Caller, entries: &[InboxEntry], own: &Own) -> Wanted {
    let mut wanted = Wanted { tenant: reader.tenant().clone(), chats: BTreeSet::new(), messages: BTreeSet::new() };
    if !reader.principal.may_see_phi() {
        return wanted;
    }
    for entry in entries {
        match &entry.what {
            Told::Chat { chat_id, happening, .. } => {
                wanted.chats.insert(chat_id.clone());
                wanted.messages.extend(message_of(chat_id, happening));
            }
            Told::Read { message_id, .. } | Told::Acknowledged { message_id, .. } => {
                wanted.chats.extend(parse_message_id(message_id).map(|(chat, _)| chat));
            }
            Told::Notification { .. } | Told::ScribeJob { .. } => {}
        }
    }
    for notification in own.notifications.values() {
        wanted.chats.extend(notification.chat_id.clone());
        wanted.messages.extend(notification.message_id.clone());
    }
    wanted
}

fn message_of(chat: &ChatId, happening: &Happening) -> Option<MessageId> {
    match happening {
        Happening::MessageSent { seq } | Happening::MessageEdited { seq } | Happening::MessageDeleted { seq } => {
            Some(message_id(chat, *seq))
        }
        _ => None,
    }
}

/// What one reader sees.
struct View<'a> {
    reader: &'a Caller,
    own: Own,
    found: &'a Found,
    /// The chats in which the reader takes part now.
    open_to: &'a HashSet<ChatId>,
}

impl View<'_> {
    /// The chat, where the reader takes part in it now.
    fn chat_for(&self, id: &ChatId) -> Option<&OpenChat> {
        self.found.chat(id).filter(|_| self.open_to.contains(id))
    }

    /// The chat that something told is about.
    fn chat_of(&self, told: &Told) -> Option<ChatId> {
        match told {
            Told::Chat { chat_id, .. } => Some(chat_id.clone()),
            Told::Read { message_id, .. } | Told::Acknowledged { message_id, .. } => {
                parse_message_id(message_id).map(|(chat, _)| chat)
            }
            Told::Notification { notification_id } => {
                self.own.notifications.get(notification_id).and_then(|notification| notification.chat_id.clone())
            }
            Told::ScribeJob { .. } => None,
        }
    }

    fn frame(&self, told: &Told) -> Result<Option<Frame>, ApiError> {
        if !self.reader.principal.may_see_phi() && !matches!(told, Told::Notification { .. }) {
            return Ok(None);
        }
        match told {
            Told::Chat { chat_id, happening, by, at } => self.happened(chat_id, happening, by, *at),
            Told::Read { message_id, by, at } => {
                Ok(self.receipt("message:read", message_id, ["readBy", "readAt"], by, *at))
            }
            Told::Acknowledged { message_id, by, at } => {
                let names = ["acknowledgedBy", "acknowledgedAt"];
                Ok(self.receipt("message:acknowledged", message_id, names, by, *at))
            }
            Told::Notification { notification_id } => self.notification(notification_id),
            Told::ScribeJob { job_id } => {
                let job = self.own.jobs.get(job_id);
                Ok(job.map(|job| Frame::new("scribe:job", json!({ "jobId": job_id, "state": job.state }))))
            }
        }
    }

    fn happened(
        &self,
        chat_id: &ChatId,
        happening: &Happening,
        by: &UserId,
        at: Time,
    ) -> Result<Option<Frame>, ApiError> {
        let reader = self.reader.user();
        // Two things are told of a chat that can no longer be seen: that one is out of it, and that it is gone.
        match happening {
            Happening::MemberRemoved { user } if user == reader => {
                let data = json!({ "chatId": chat_id, "userId": user, "removedBy": by, "at": at });
                return Ok(Some(Frame::new("chat:member-removed", data)));
            }
            Happening::ChatDeleted => {
                let was_in = self.found.chat(chat_id).is_some_and(|open| open.chat.member(reader).is_some());
                let data = json!({ "chatId": chat_id, "deletedBy": by, "deletedAt": at });
                return Ok(was_in.then(|| Frame::new("chat:deleted", data)));
            }
            _ => {}
        }
        let Some(open) = self.chat_for(chat_id) else { return Ok(None) };
        let places = Places::of(self.reader.tenant(), chat_id);
        match happening {
            Happening::MessageSent { .. } => self.message("message:received", open, &places, happening),
            Happening::MessageEdited { .. } => self.message("message:edited", open, &places, happening),
            Happening::MessageDeleted { .. } => self.message("message:deleted", open, &places, happening),
            Happening::ChatChanged => {
                let name = open.title_for(&places, reader)?.into_disclosed();
                let chat = &open.chat;
                let data = json!({
                    "chatId": chat_id, "name": name, "type": chat.kind, "avatar": chat.avatar,
                    "updatedBy": by, "updatedAt": chat.updated_at,
                });
                Ok(Some(Frame::new("chat:updated", data)))
            }
            Happening::MemberAdded { user } => {
                let name = open.name_of(&places, user)?.into_disclosed();
                let role = open.chat.members.get(user).map(|member| member.role);
                let user = json!({ "id": user, "name": name, "role": role });
                let data = json!({ "chatId": chat_id, "user": user, "addedBy": by, "at": at });
                Ok(Some(Frame::new("chat:member-added", data)))
            }
            Happening::MemberRemoved { user } => {
                let data = json!({ "chatId": chat_id, "userId": user, "removedBy": by, "at": at });
                Ok(Some(Frame::new("chat:member-removed", data)))
            }
            Happening::ChatDeleted => Ok(None),
        }
    }

    /// The message as it is now: one that was edited meanwhile with its new text, one that was deleted with none.
    fn message(
        &self,
        event: &'static str,
        open: &OpenChat,
        places: &Places<'_>,
        happening: &Happening,
    ) -> Result<Option<Frame>, ApiError> {
        let message = message_of(&open.id, happening).and_then(|id| self.found.message(&id));
        let Some(message) = message else { return Ok(None) };
        Ok(Some(Frame::new(event, as_data(&show(open, places, message, false)?)?)))
    }

    fn receipt(
        &self,
        event: &'static str,
        message_id: &MessageId,
        [who, when]: [&str; 2],
        by: &UserId,
        at: Time,
    ) -> Option<Frame> {
        let (chat_id, _) = parse_message_id(message_id)?;
        self.chat_for(&chat_id)?;
        let data = json!({ "messageId": message_id, "chatId": chat_id, (who): by, (when): at });
        Some(Frame::new(event, data))
    }

    /// Without its texts for someone who waits for verification.
    fn notification(&self, id: &NotificationId) -> Result<Option<Frame>, ApiError> {
        let Some(notification) = self.own.notifications.get(id) else { return Ok(None) };
        if !self.reader.principal.may_see_phi() {
            let Notification { kind, created_at, .. } = notification;
            let data = json!({ "id": id, "type": kind, "title": null, "body": null, "timestamp": created_at });
            return Ok(Some(Frame::new("notification:new", data)));
        }
        let (id, tenant) = (id.clone(), self.reader.tenant());
        let shown = match (&notification.chat_id, &self.own.key) {
            (Some(chat), _) => {
                let Some(open) = self.chat_for(chat) else { return Ok(None) };
                let message = notification.message_id.as_ref().and_then(|id| self.found.message(id));
                show_notification(open, tenant, id, notification.clone(), message)?
            }
            (None, Some(key)) => Some(show_own_notification(key, tenant, id, notification.clone())?),
            (None, None) => None,
        };
        Ok(shown.map(|NotificationView { id, kind, title, body, data, timestamp, .. }| {
            let mut told = json!({
                "id": id, "type": kind, "title": title, "body": body, "timestamp": timestamp,
                "chatId": data.chat_id, "messageId": data.message_id,
            });
            if let Some(review) = data.review_id {
                told["reviewId"] = json!(review);
            }
            Frame::new("notification:new", told)
        }))
    }
}

/// A message's data. Whether it is read is told by `message:read` and not here, where it would cost a read for each
/// reader.
pub(crate) fn as_data(view: &conversations::MessageView) -> Result<Value, ApiError> {
    let mut data = serde_json::to_value(view).map_err(ApiError::internal)?;
    if let Some(fields) = data.as_object_mut() {
        fields.remove("isRead");
    }
    Ok(data)
}
