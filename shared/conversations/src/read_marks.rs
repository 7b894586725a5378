use events::Emit;
use kernel::{MessageId, Time, UserId};
use model::chat::{CHATS, Chat};
use model::event::{MessageAcknowledged, MessageRead};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{Acknowledgement, Priority, acknowledgements, messages, parse_message_id};
use store::{Doc, Store};
use web::{ApiError, App};

/// How many messages are looked through at a time for the reader's own.
const LOOK: u32 = 300;

/// Moves a reader's mark to a message: it and all before it are read. Says when, and whether the mark moved.
pub async fn mark_read(app: &App, store: &Store, reader: &UserId, id: &MessageId) -> Result<(Time, bool), ApiError> {
    let no_message = || ApiError::not_found("message");
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let now = app.now();
    let seen: Option<Doc<Chat>> = store.get(&CHATS, chat_id.as_str()).await?;
    let seen = seen.map(|doc| doc.value).filter(|chat| readable(chat, reader) && seq <= chat.message_seq);
    let seen = seen.ok_or_else(no_message)?;
    let sent = |chat: &Chat| chat.members.get(reader).map_or(0, |member| member.sent);
    // What the reader sends from now on comes after `seq`, so this stays true whatever happens meanwhile.
    let own_up_to_seq = sent(&seen).saturating_sub(own_after(store, &chat_id, seq, seen.message_seq, reader).await?);

    let read =
        app.occurs(MessageRead { chat_id: chat_id.clone(), message_id: id.clone(), user_id: reader.clone(), at: now });
    let membership = membership_id(&chat_id, reader);
    let moved = store
        .transact("mark-read", async |tx| {
            let found: Option<Doc<Membership>> = tx.get(&MEMBERSHIPS, &membership).await?;
            let mut own = found.map(|doc| doc.value).filter(|own| own.active).ok_or_else(no_message)?;
            if !own.mark_read(seq, own_up_to_seq, now) {
                return Ok::<_, ApiError>(false);
            }
            tx.put(&MEMBERSHIPS, &membership, &own)?;
            tx.emit(&read)?;
            Ok(true)
        })
        .await?;
    Ok((now, moved))
}

/// How many messages after `seq`, up to `last`, are the reader's own.
async fn own_after(
    store: &Store,
    chat: &kernel::ChatId,
    seq: u64,
    last: u64,
    reader: &UserId,
) -> Result<u64, ApiError> {
    let collection = messages(chat);
    let mut own = 0;
    let mut next = seq + 1;
    while next <= last {
        let page = collection.all().id_from(model::chat::sequence_id(next)).limit(LOOK);
        let found = store.query(&collection, &page).await?;
        let Some(end) = found.last().map(|doc| doc.value.seq) else { break };
        own += found.iter().filter(|doc| doc.value.sender == *reader && doc.value.seq <= last).count() as u64;
        next = end + 1;
    }
    Ok(own)
}

/// Notes that all messages up to one have reached a device of the reader.
pub async fn mark_delivered(app: &App, store: &Store, reader: &UserId, id: &MessageId) -> Result<(), ApiError> {
    let no_message = || ApiError::not_found("message");
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let now = app.now();
    let membership = membership_id(&chat_id, reader);
    store
        .transact("mark-delivered", async |tx| {
            let (chat, own) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &membership)).await?;
            let known = chat.is_some_and(|doc| readable(&doc.value, reader) && seq <= doc.value.message_seq);
            let mut own = own.map(|doc| doc.value).filter(|_| known).ok_or_else(no_message)?;
            if own.mark_delivered(seq, now) {
                tx.put(&MEMBERSHIPS, &membership, &own)?;
            }
            Ok(())
        })
        .await
}

/// Acknowledges an urgent message. Says when; a second time changes nothing and says when it was the first.
pub async fn acknowledge(app: &App, store: &Store, reader: &UserId, id: &MessageId) -> Result<Time, ApiError> {
    let no_message = || ApiError::not_found("message");
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let now = app.now();
    let done = app.occurs(MessageAcknowledged {
        chat_id: chat_id.clone(),
        message_id: id.clone(),
        user_id: reader.clone(),
        at: now,
    });
    let given = acknowledgements(id);
    store
        .transact("acknowledge-message", async |tx| {
            let (chat, message) =
                tx.get_both((&CHATS, chat_id.as_str()), (&messages(&chat_id), &model::chat::sequence_id(seq))).await?;
            let message =
                message.filter(|_| chat.is_some_and(|doc| readable(&doc.value, reader))).ok_or_else(no_message)?;
            if message.value.priority != Priority::Urgent {
                return Err(ApiError::field("messageId", "Only urgent messages are acknowledged."));
            }
            if message.value.sender == *reader {
                return Err(ApiError::forbidden("Your own message needs no acknowledgement of yours."));
            }
            if let Some(before) = tx.get(&given, reader.as_str()).await? {
                return Ok(before.value.at);
            }
            tx.create(&given, reader.as_str(), &Acknowledgement { at: now })?;
            tx.emit(&done)?;
            Ok(now)
        })
        .await
}

fn readable(chat: &Chat, reader: &UserId) -> bool {
    chat.deleted_at.is_none() && chat.member(reader).is_some()
}
