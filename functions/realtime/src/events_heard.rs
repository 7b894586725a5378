//! What other functions' events put into inboxes.

use events::{Delivery, Failure, SignalKind};
use kernel::{ChatId, MessageId, UserId};
use model::chat::{CHATS, Chat, sequence_id};
use model::event::{MessageAcknowledged, MessageRead, NotificationsCreated, ScribeJobEnded, SessionsEnded};
use model::inbox::Told;
use model::message::{messages, parse_message_id};
use store::{Doc, Store};
use web::Job;

use crate::inboxes::{signal, tell};

/// In a larger chat only the message's sender and the reader's own devices are told of receipts: told to all, those of
/// `n` members for one message would be `n`² entries.
const RECEIPTS_TO_ALL: usize = 50;

/// Someone read messages.
pub(crate) async fn read(job: Job, delivery: Delivery<MessageRead>) -> Result<(), Failure> {
    let MessageRead { chat_id, message_id, user_id, at } = &delivery.event;
    let users = told_of_receipts(&job.store, chat_id, message_id, user_id).await?;
    let what = Told::Read { message_id: message_id.clone(), by: user_id.clone(), at: *at };
    tell(&job, &delivery, users, what).await
}

/// Someone acknowledged an urgent message.
pub(crate) async fn acknowledged(job: Job, delivery: Delivery<MessageAcknowledged>) -> Result<(), Failure> {
    let MessageAcknowledged { chat_id, message_id, user_id, at } = &delivery.event;
    let users = told_of_receipts(&job.store, chat_id, message_id, user_id).await?;
    let what = Told::Acknowledged { message_id: message_id.clone(), by: user_id.clone(), at: *at };
    tell(&job, &delivery, users, what).await
}

/// There are new notifications.
pub(crate) async fn notified(job: Job, delivery: Delivery<NotificationsCreated>) -> Result<(), Failure> {
    let NotificationsCreated { notification_id, user_ids } = &delivery.event;
    let what = Told::Notification { notification_id: notification_id.clone() };
    tell(&job, &delivery, user_ids.clone(), what).await
}

/// A scribe job ended.
pub(crate) async fn scribe_job_ended(job: Job, delivery: Delivery<ScribeJobEnded>) -> Result<(), Failure> {
    let ScribeJobEnded { job_id, user_id } = &delivery.event;
    tell(&job, &delivery, vec![user_id.clone()], Told::ScribeJob { job_id: job_id.clone() }).await
}

/// Sessions ended: their sockets close.
pub(crate) async fn sessions_ended(job: Job, delivery: Delivery<SessionsEnded>) -> Result<(), Failure> {
    let SessionsEnded { user_id, session_ids } = delivery.event;
    signal(&job, vec![user_id], SignalKind::SessionsEnded { sessions: session_ids }).await
}

async fn told_of_receipts(
    store: &Store,
    chat_id: &ChatId,
    message_id: &MessageId,
    reader: &UserId,
) -> Result<Vec<UserId>, store::Error> {
    let found: Option<Doc<Chat>> = store.get(&CHATS, chat_id.as_str()).await?;
    let Some(chat) = found.map(|doc| doc.value).filter(|chat| chat.deleted_at.is_none()) else {
        return Ok(Vec::new());
    };
    let members: Vec<UserId> = chat.current_members().map(|(user, _)| user.clone()).collect();
    if members.len() <= RECEIPTS_TO_ALL {
        return Ok(members);
    }
    let Some((_, seq)) = parse_message_id(message_id) else { return Ok(Vec::new()) };
    let message = store.get(&messages(chat_id), &sequence_id(seq)).await?;
    let sender = message.map(|doc| doc.value.sender).filter(|sender| chat.member(sender).is_some());
    let own = Some(reader.clone()).filter(|reader| chat.member(reader).is_some());
    Ok(sender.into_iter().chain(own).collect())
}
