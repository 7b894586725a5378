use conversations::{OpenChat, Places};
use kernel::{Role, UserId};
use model::chat::sequence_id;
use model::message::{Message, MessageKind, message_id, messages};
use store::Store;
use web::ApiError;

use crate::engine::{Speaker, Turn};

/// Notes are written from so many of a chat's last messages.
const LAST_MESSAGES: u64 = 1_000;
/// How many are read at once.
const PAGE: u32 = 250;

/// What was said in a chat, oldest first: its last text messages, without the deleted ones. For someone who may see it.
pub(crate) async fn read(store: &Store, open: &OpenChat) -> Result<Vec<Turn>, ApiError> {
    let collection = messages(&open.id);
    let places = Places::of(&store.database().tenant, &open.id);
    let last = open.chat.message_seq;
    let mut next = last.saturating_sub(LAST_MESSAGES) + 1;
    let mut turns = Vec::new();
    while next <= last {
        let page = store.query(&collection, &collection.all().id_from(sequence_id(next)).limit(PAGE)).await?;
        let Some(end) = page.last().map(|doc| doc.value.seq) else { break };
        for message in page.into_iter().map(|doc| doc.value).filter(|message| message.seq <= last) {
            turns.extend(turn(open, &places, &message)?);
        }
        next = end + 1;
    }
    Ok(turns)
}

fn turn(open: &OpenChat, places: &Places<'_>, message: &Message) -> Result<Option<Turn>, ApiError> {
    let Some(content) = message.content.as_ref().filter(|_| message.kind == MessageKind::Text) else {
        return Ok(None);
    };
    let id = message_id(&open.id, message.seq);
    let text = open.key.open(&places.content(&id), content)?;
    Ok(Some(Turn { message_id: id, speaker: speaker(open, &message.sender), text }))
}

/// By the sender's role in the roster, which also knows those who have left.
fn speaker(open: &OpenChat, sender: &UserId) -> Speaker {
    match open.chat.members.get(sender).map(|member| member.role) {
        Some(Role::Patient | Role::Family) => Speaker::Patient,
        Some(role) if role.is_staff() => Speaker::Clinician,
        _ => Speaker::Other,
    }
}
