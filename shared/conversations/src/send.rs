use std::collections::HashSet;
use std::time::Duration;

use charts::Asking;
use kernel::{ChatId, MessageId, Phi, UserId};
use model::chat::{CHATS, Chat, Happening, LastMessage, sequence_id};
use model::message::{
    ClientSend, Message, MessageKind, Priority, WORDS_INDEX, client_sends, message_id, messages, parse_message_id,
};
use store::Store;
use web::{ApiError, App};

use crate::{Change, MessageView, Places, SenderView, admit_in, chat_subject, open, show, turn};

/// The longest message, in characters: far below the store's limit for a document, sealed and indexed.
pub const MAX_MESSAGE_CHARS: usize = 20_000;
/// How much of a message lists show, in characters.
const PREVIEW_CHARS: usize = 140;
/// For how long it is known what a client has sent.
const CLIENT_SENDS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// The most words of a message that search finds it by: its first different ones.
const MAX_WORDS: usize = 300;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// To which chat.
    pub chat_id: ChatId,
    /// What it is.
    pub kind: MessageKind,
    /// What it says.
    pub content: Phi<String>,
    /// How much it matters.
    pub priority: Priority,
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// As the API shows it.
    pub view: MessageView,
    /// The roster's size at that moment.
    pub members: usize,
}

/// Sends a message: one read and one commit, which carries the message, the chat's counters, its log and the event.
pub async fn send(asking: &Asking<'_>, new: NewMessage) -> Result<Sent, ApiError> {
    send_as(asking, new, None).await
}

/// Sends a message under an id of the sender's client, unless the client has sent it before: within a day, a second
/// time answers what the first one sent. `under` is a safe id made of the client's.
pub async fn send_once(asking: &Asking<'_>, new: NewMessage, under: &str) -> Result<Sent, ApiError> {
    send_as(asking, new, Some(under)).await
}

async fn send_as(asking: &Asking<'_>, new: NewMessage, under: Option<&str>) -> Result<Sent, ApiError> {
    match send_unless_sent(asking, &new, under).await? {
        Outcome::Sent(sent) => Ok(*sent),
        Outcome::SentBefore(id) => sent_before(asking, &new, &id).await,
    }
}

enum Outcome {
    Sent(Box<Sent>),
    SentBefore(MessageId),
}

/// What was sent before, as it is now.
async fn sent_before(asking: &Asking<'_>, new: &NewMessage, id: &MessageId) -> Result<Sent, ApiError> {
    let store = asking.store();
    let (chat_id, seq) = parse_message_id(id).ok_or_else(|| ApiError::not_found("message"))?;
    if chat_id != new.chat_id {
        return Err(ApiError::field("clientId", "clientId: it was used for a message to another chat; take a new one"));
    }
    let opened = open(asking, &chat_id).await?;
    let message = store.get(&messages(&chat_id), &sequence_id(seq)).await?;
    let message = message.ok_or_else(|| ApiError::not_found("message"))?.value;
    let view = show(&opened, &Places::of(&store.database().tenant, &chat_id), &message, false)?;
    Ok(Sent { view, members: opened.chat.current_members().count() })
}

async fn send_unless_sent(asking: &Asking<'_>, new: &NewMessage, under: Option<&str>) -> Result<Outcome, ApiError> {
    let (app, store, by) = (asking.app(), asking.store(), asking.user());
    let words = words_of(app, store, &new.content).await?;
    let _turn = turn(store, &new.chat_id).await;
    let change = Change::now(app, &new.chat_id, by);
    let now = change.at();
    store
        .transact("send-message", async |tx| {
            let (found, before) = match under {
                Some(id) => tx.get_both((&CHATS, new.chat_id.as_str()), (&client_sends(by), id)).await?,
                None => (tx.get(&CHATS, new.chat_id.as_str()).await?, None),
            };
            if let Some(before) = before {
                return Ok(Outcome::SentBefore(before.value.message_id));
            }
            let mut chat = admit_in(asking, &tx, &new.chat_id, found).await?;
            may_send(&chat, by)?;
            let key = app.vault.key(store, &chat_subject(&new.chat_id, chat.patient_id.as_ref())).await?;
            let places = Places::of(&store.database().tenant, &new.chat_id);

            chat.message_seq += 1;
            let seq = chat.message_seq;
            let id = message_id(&new.chat_id, seq);
            let message = Message {
                seq,
                sender: by.clone(),
                kind: new.kind,
                content: Some(key.seal(&places.content(&id), &new.content)),
                priority: new.priority,
                created_at: now,
                edited_at: None,
                deleted_at: None,
                edits: 0,
                words: words.clone(),
            };
            chat.last_message = Some(LastMessage {
                seq,
                sender: by.clone(),
                kind: new.kind,
                preview: Some(key.seal(&places.preview(&id), &preview_of(&new.content))),
                at: now,
            });
            let members = chat.current_members().count();
            let name = chat.members.get_mut(by).map(|member| {
                member.sent += 1;
                key.open(&places.member_name(by), &member.name)
            });
            let sender =
                SenderView { id: by.clone(), name: name.transpose()?.map_or_else(String::new, Phi::into_disclosed) };

            // Its number is guarded by the chat's version: where someone else's message has it, this runs again.
            tx.put(&messages(&new.chat_id), &sequence_id(seq), &message)?;
            change.append(&tx, chat, Happening::MessageSent { seq })?;
            if let Some(under) = under {
                let sent = ClientSend { message_id: id.clone() };
                tx.put_until(&client_sends(by), under, &sent, now.plus(CLIENT_SENDS_KEPT))?;
            }
            let content = Some(new.content.disclose().clone());
            let view = MessageView::new(id, &new.chat_id, sender, content, &message, false);
            Ok(Outcome::Sent(Box::new(Sent { view, members })))
        })
        .await
}

fn may_send(chat: &Chat, sender: &UserId) -> Result<(), ApiError> {
    if chat.may_send(sender) {
        return Ok(());
    }
    Err(ApiError::forbidden("Only the admins of a Broadcast chat write in it."))
}

/// The blind index of a text's words, for search.
pub async fn words_of(app: &App, store: &Store, text: &Phi<String>) -> Result<Vec<String>, ApiError> {
    let index = app.vault.blind_index(store).await?;
    let mut seen = HashSet::new();
    let different = vault::words(text.disclose()).into_iter().filter(|word| seen.insert(word.clone()));
    Ok(different.take(MAX_WORDS).map(|word| index.exact(WORDS_INDEX, &word)).collect())
}

/// The beginning of a message, on one line.
pub fn preview_of(content: &Phi<String>) -> Phi<String> {
    let line = content.disclose().split_whitespace().collect::<Vec<_>>().join(" ");
    Phi::new(match line.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    })
}

/// What lists show for a message without text.
pub const fn content_of_kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text | MessageKind::System => "Message",
        MessageKind::Image => "Picture",
        MessageKind::Voice => "Voice message",
        MessageKind::File => "File",
        MessageKind::CallLog => "Call",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_short_line() {
        assert_eq!(preview_of(&Phi::new(" a\n b ".to_owned())).disclose(), "a b");
        let long = preview_of(&Phi::new("é".repeat(500)));
        assert_eq!(long.disclose().chars().count(), PREVIEW_CHARS + 1);
    }
}
