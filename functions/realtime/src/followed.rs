//! What a connection leaves in the audit log: that from now on its user is shown what is said in a chat. One entry for
//! each connection, chat and quarter of an hour, durable before the first frame, instead of one for each frame.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{ChatId, PatientId, Time};
use web::{App, Caller, ClientInfo, Entry, Record};

/// For how long an entry stands for what is shown.
const STANDS_FOR: Duration = Duration::from_secs(15 * 60);

/// The chats whose showing is in the log, and since when.
#[derive(Debug, Default)]
pub(crate) struct Followed(HashMap<ChatId, Time>);

impl Followed {
    /// Writes, in one commit, that these chats are shown from now on, where that is not in the log.
    pub(crate) async fn write(
        &mut self,
        app: &App,
        caller: &Caller,
        client: &ClientInfo,
        chats: Vec<(ChatId, Option<PatientId>)>,
    ) -> Result<(), store::Error> {
        let now = app.now();
        self.0.retain(|_, since| now.since(*since) < STANDS_FOR);
        let new: Vec<_> = chats.into_iter().filter(|(chat, _)| !self.0.contains_key(chat)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let entry = |(chat, patient): &(ChatId, Option<PatientId>)| {
            let entry = app.entry("chat.follow", client).by(&caller.principal).entity("chat", chat.as_str());
            patient.iter().fold(entry, Entry::patient)
        };
        let entries: Vec<Entry> = new.iter().map(entry).collect();
        let quiet = caller.store.clone().without_companions();
        quiet.transact("audit-follow", async |tx| entries.iter().try_for_each(|entry| tx.record(entry))).await?;
        self.0.extend(new.into_iter().map(|(chat, _)| (chat, now)));
        Ok(())
    }
}
