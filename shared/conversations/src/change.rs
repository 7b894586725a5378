use std::time::Duration;

use events::{Emit, Occurred};
use kernel::{ChatId, Time, UserId};
use model::chat::{CHATS, Chat, Happening, LogEntry, log, sequence_id};
use model::event::ChatLogGrew;
use store::Transaction;
use web::App;

/// For how long a chat's log is kept: longer than an inbox.
const LOG_KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// A durable change of a chat: made before its transaction, appended once in it.
#[derive(Debug, Clone)]
pub struct Change {
    chat_id: ChatId,
    by: UserId,
    at: Time,
    grew: Occurred<ChatLogGrew>,
}

impl Change {
    /// `by` changes the chat now.
    pub fn now(app: &App, chat_id: &ChatId, by: &UserId) -> Self {
        let unnumbered = ChatLogGrew { chat_id: chat_id.clone(), log_seq: 0, happening: Happening::ChatChanged };
        Self { chat_id: chat_id.clone(), by: by.clone(), at: app.now(), grew: app.occurs(unnumbered) }
    }

    /// When it happens.
    pub const fn at(&self) -> Time {
        self.at
    }

    /// Writes the chat with the next entry of its log and the event that tells of it. The last thing done to the chat
    /// in a transaction.
    pub fn append(&self, tx: &Transaction, mut chat: Chat, happening: Happening) -> Result<Chat, store::Error> {
        chat.log_seq += 1;
        let log_seq = chat.log_seq;
        let entry = LogEntry { what: happening.clone(), by: self.by.clone(), at: self.at };
        tx.put(&CHATS, self.chat_id.as_str(), &chat)?;
        // Written only with the chat, whose version guards the number.
        tx.put_until(&log(&self.chat_id), &sequence_id(log_seq), &entry, self.at.plus(LOG_KEPT))?;
        tx.emit(&self.grew.with(ChatLogGrew { chat_id: self.chat_id.clone(), log_seq, happening }))?;
        Ok(chat)
    }
}
