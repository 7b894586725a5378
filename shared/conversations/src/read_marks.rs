use charts::Asking;
use events::Emit;
use kernel::{ChatId, MessageId, Time, UserId};
use model::chat::{CHATS, Chat, sequence_id};
use model::event::{MessageAcknowledged, MessageRead};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{Acknowledgement, Priority, acknowledgements, messages, parse_message_id};
use store::{Doc, Key, Store};
use web::ApiError;

use crate::{admit, open_message};

/// How many messages are looked through at a time for the reader's own.
const LOOK: u32 = 300;

/// Moves a reader's mark to a message: it and all before it are read. Says when it was read, and whether the mark
/// moved.
pub async fn mark_read(asking: &Asking<'_>, id: &MessageId) -> Result<(Time, bool), ApiError> {
    let (app, store, reader) = (asking.app(), asking.store(), asking.user());
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let now = app.now();
    let (chat, seen) = chat_and_own(asking, &chat_id, seq).await?;
    if seq <= seen.read_seq {
        return Ok((seen.read_at(seq).unwrap_or(now), false));
    }
    // How many messages up to `seq` are the reader's own never changes again, so what is counted here stays true
    // whatever happens until the commit. They are counted on the shorter way: from the mark, or back from the end.
    let sent = chat.members.get(reader).map_or(0, |member| member.sent);
    let own_up_to_seq = if seq - seen.read_seq < chat.message_seq - seq {
        seen.read_own + own_between(store, &chat_id, seen.read_seq, seq, reader).await?
    } else {
        sent.saturating_sub(own_between(store, &chat_id, seq, chat.message_seq, reader).await?)
    };

    let read =
        app.occurs(MessageRead { chat_id: chat_id.clone(), message_id: id.clone(), user_id: reader.clone(), at: now });
    let membership = membership_id(&chat_id, reader);
    store
        .transact("mark-read", async |tx| {
            let found: Option<Doc<Membership>> = tx.get(&MEMBERSHIPS, &membership).await?;
            let mut own = found.map(|doc| doc.value).filter(|own| own.active).ok_or_else(no_message)?;
            if !own.mark_read(seq, own_up_to_seq, now) {
                return Ok::<_, ApiError>((own.read_at(seq).unwrap_or(now), false));
            }
            tx.put(&MEMBERSHIPS, &membership, &own)?;
            tx.emit(&read)?;
            Ok((now, true))
        })
        .await
}

/// How many messages after `from`, up to `last`, are the reader's own.
async fn own_between(store: &Store, chat: &ChatId, from: u64, last: u64, reader: &UserId) -> Result<u64, ApiError> {
    let collection = messages(chat);
    let mut own = 0;
    let mut next = from + 1;
    while next <= last {
        let page = collection.all().id_from(sequence_id(next)).id_below(sequence_id(last + 1)).limit(LOOK);
        let found = store.query(&collection, &page).await?;
        let Some(end) = found.last().map(|doc| doc.value.seq) else { break };
        own += found.iter().filter(|doc| doc.value.sender == *reader).count() as u64;
        next = end + 1;
    }
    Ok(own)
}

/// Notes that all messages up to one have reached a device of the reader.
pub async fn mark_delivered(asking: &Asking<'_>, id: &MessageId) -> Result<(), ApiError> {
    let (app, store, reader) = (asking.app(), asking.store(), asking.user());
    let (chat_id, seq) = parse_message_id(id).ok_or_else(no_message)?;
    let now = app.now();
    // Read before the transaction, so that this never stands in the way of a message: a number once given stays.
    let (_, seen) = chat_and_own(asking, &chat_id, seq).await?;
    if seq <= seen.delivered_seq {
        return Ok(());
    }
    let membership = membership_id(&chat_id, reader);
    store
        .transact("mark-delivered", async |tx| {
            let found: Option<Doc<Membership>> = tx.get(&MEMBERSHIPS, &membership).await?;
            let mut own = found.map(|doc| doc.value).filter(|own| own.active).ok_or_else(no_message)?;
            if own.mark_delivered(seq, now) {
                tx.put(&MEMBERSHIPS, &membership, &own)?;
            }
            Ok(())
        })
        .await
}

/// Acknowledges an urgent message. Says when; a second time changes nothing and says when it was the first.
pub async fn acknowledge(asking: &Asking<'_>, id: &MessageId) -> Result<Time, ApiError> {
    let (app, store, reader) = (asking.app(), asking.store(), asking.user());
    let (open, message) = open_message(asking, id).await?;
    if message.priority != Priority::Urgent {
        return Err(ApiError::field("messageId", "messageId: only urgent messages are acknowledged"));
    }
    if message.deleted_at.is_some() {
        return Err(ApiError::field("messageId", "messageId: the message was deleted"));
    }
    if message.sender == *reader {
        return Err(ApiError::forbidden("Your own message needs no acknowledgement of yours."));
    }
    let now = app.now();
    let done =
        app.occurs(MessageAcknowledged { chat_id: open.id, message_id: id.clone(), user_id: reader.clone(), at: now });
    let given = acknowledgements(id);
    store
        .transact("acknowledge-message", async |tx| {
            if let Some(before) = tx.get(&given, reader.as_str()).await? {
                return Ok(before.value.at);
            }
            tx.put(&given, reader.as_str(), &Acknowledgement { at: now })?;
            tx.emit(&done)?;
            Ok(now)
        })
        .await
}

/// The chat of a message, which has to be there, and the reader's membership, in one round trip.
async fn chat_and_own(asking: &Asking<'_>, chat_id: &ChatId, seq: u64) -> Result<(Chat, Membership), ApiError> {
    let membership = membership_id(chat_id, asking.user());
    let keys = [Key::new(CHATS.path(), chat_id.as_str()), Key::new(MEMBERSHIPS.path(), membership)];
    let mut found = asking.store().get_keys(&keys).await?.into_iter();
    let chat = found.next().flatten().map(store::typed::<Chat>).transpose()?;
    let own = found.next().flatten().map(store::typed::<Membership>).transpose()?.map(|doc| doc.value);
    let chat = admit(asking, chat_id, chat).await.map_err(|error| error.instead_of_not_found(no_message()))?;
    let own = own.filter(|own| own.active && seq <= chat.message_seq).ok_or_else(no_message)?;
    Ok((chat, own))
}

fn no_message() -> ApiError {
    ApiError::not_found("message")
}
