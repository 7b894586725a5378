//! Brings what happens in a chat into its members' inboxes, in order and once, whatever the order and number of
//! deliveries: a handler does not take the entry that its event tells of but goes from where the chat's fan-out stands
//! to the end of its log.

use std::collections::{BTreeMap, BTreeSet};

use events::{Delivery, Failure};
use kernel::{ChatId, UserId};
use model::chat::{CHATS, Chat, Happening, LogEntry, log, sequence_id};
use model::event::ChatLogGrew;
use model::inbox::{FAN_OUTS, FanOut, InboxEntry, Told};
use store::{Key, Store};
use web::Job;

use crate::inboxes::{self, MAX_WRITES, ring};

/// How many entries of a log are read at a time.
const WINDOW: u32 = 100;

/// The handler of [`ChatLogGrew`].
pub(crate) async fn fan_out(job: Job, delivery: Delivery<ChatLogGrew>) -> Result<(), Failure> {
    let ChatLogGrew { chat_id, log_seq, happening } = &delivery.event;
    let mut first_look = true;
    while let Some(backlog) = Backlog::read(&job.store, chat_id).await? {
        if backlog.is_empty() {
            // Entered before; perhaps by a process that did not come to ring. Of several events that were entered
            // together the last one rings for all.
            if first_look && backlog.stand.done == *log_seq {
                ring(&job, recipients(&backlog.chat, happening).into_iter().cloned().collect()).await?;
            }
            return Ok(());
        }
        first_look = false;
        let part = backlog.plan();
        if part.enter(&job, chat_id, &backlog.stand).await? {
            ring(&job, part.shares.into_keys().collect()).await?;
        }
    }
    Ok(())
}

/// Who is told: everyone in the chat, the doer's own devices too, and whoever was removed.
fn recipients<'a>(chat: &'a Chat, what: &'a Happening) -> BTreeSet<&'a UserId> {
    let mut all: BTreeSet<&UserId> = chat.current_members().map(|(user, _)| user).collect();
    if let Happening::MemberRemoved { user } = what {
        all.insert(user);
    }
    all
}

/// What of a chat's log is not entered yet, or the beginning of it.
struct Backlog {
    chat_id: ChatId,
    chat: Chat,
    /// Where the fan-out stands.
    stand: FanOut,
    entries: Vec<(u64, LogEntry)>,
    /// Up to this number nothing is missing in `entries` but what has expired.
    up_to: u64,
}

/// What one commit enters.
struct Part {
    shares: BTreeMap<UserId, Vec<InboxEntry>>,
    then: FanOut,
}

impl Backlog {
    async fn read(store: &Store, chat_id: &ChatId) -> Result<Option<Self>, store::Error> {
        let keys = [Key::new(FAN_OUTS.path(), chat_id.as_str()), Key::new(CHATS.path(), chat_id.as_str())];
        let mut found = store.get_keys(&keys).await?.into_iter();
        let stand = found.next().flatten().map(store::typed::<FanOut>).transpose()?;
        let chat = found.next().flatten().map(store::typed::<Chat>).transpose()?;
        let Some(chat) = chat.map(|doc| doc.value) else { return Ok(None) };
        let stand = stand.map(|doc| doc.value).unwrap_or_default();
        let mut backlog = Self { chat_id: chat_id.clone(), up_to: chat.log_seq, chat, stand, entries: Vec::new() };
        if !backlog.is_empty() {
            backlog.read_entries(store).await?;
        }
        Ok(Some(backlog))
    }

    async fn read_entries(&mut self, store: &Store) -> Result<(), store::Error> {
        let log = log(&self.chat_id);
        let next = log.all().id_from(sequence_id(self.stand.done + 1)).limit(WINDOW);
        let found = store.query(&log, &next).await?;
        let is_all = found.len() < WINDOW as usize;
        let numbered = found.into_iter().filter_map(|doc| Some((doc.id.parse().ok()?, doc.value)));
        // What came after the roster was read waits for the next look, which sees the roster of its time.
        self.entries = numbered.filter(|(number, _)| *number <= self.chat.log_seq).collect();
        if let Some((last, _)) = self.entries.last().filter(|_| !is_all) {
            self.up_to = *last;
        }
        Ok(())
    }

    const fn is_empty(&self) -> bool {
        self.stand.done >= self.chat.log_seq
    }

    /// As much as fits into one commit.
    fn plan(&self) -> Part {
        let mut part = Part { shares: BTreeMap::new(), then: self.stand.clone() };
        let mut writes = 1;
        for (number, entry) in &self.entries {
            for user in recipients(&self.chat, &entry.what) {
                if part.then.reached.as_ref().is_some_and(|reached| user <= reached) {
                    continue;
                }
                // The entry, and for each user once the inbox's head.
                writes += if part.shares.contains_key(user) { 1 } else { 2 };
                if writes > MAX_WRITES {
                    return part;
                }
                part.shares.entry(user.clone()).or_default().push(self.told(entry));
                part.then.reached = Some(user.clone());
            }
            part.then = FanOut { done: *number, reached: None };
        }
        part.then = FanOut { done: self.up_to, reached: None };
        part
    }

    fn told(&self, entry: &LogEntry) -> InboxEntry {
        let LogEntry { what, by, at } = entry.clone();
        InboxEntry { what: Told::Chat { chat_id: self.chat_id.clone(), happening: what, by, at }, at }
    }
}

impl Part {
    /// Commits this part, unless the fan-out no longer stands where it stood. Says whether it did.
    async fn enter(&self, job: &Job, chat_id: &ChatId, stand: &FanOut) -> Result<bool, store::Error> {
        let now = job.app.now();
        job.store
            .transact("fan-out", async |tx| {
                let stands = FAN_OUTS;
                let stand_now = tx.get(&stands, chat_id.as_str());
                let (seen, heads) = futures::try_join!(stand_now, inboxes::heads(&tx, self.shares.keys()))?;
                if seen.map(|doc| doc.value).unwrap_or_default() != *stand {
                    return Ok(false);
                }
                for ((user, entries), head) in self.shares.iter().zip(heads) {
                    inboxes::enter(&tx, user, head, entries, now)?;
                }
                tx.put(&FAN_OUTS, chat_id.as_str(), &self.then)?;
                Ok(true)
            })
            .await
    }
}
