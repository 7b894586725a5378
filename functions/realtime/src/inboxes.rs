//! Writing into inboxes, and ringing for those whose inbox grew.

use std::time::Duration;

use events::{Delivery, Failure, Signal, SignalKind};
use kernel::{Time, UserId};
use model::chat::sequence_id;
use model::event::Event;
use model::inbox::{INBOX_HEADS, InboxEntry, InboxHead, Told, inbox};
use store::Transaction;
use web::Job;

/// For how long entries are stored: a day longer than they can be asked for.
const STORED: Duration = Duration::from_secs(8 * 24 * 3600);
/// The most writes that one commit is planned with: below the store's limit, with room for a companion.
pub(crate) const MAX_WRITES: usize = 390;
/// To how many users one commit tells one thing: an entry and a head each.
const AT_ONCE: usize = (MAX_WRITES - 1) / 2;

/// The last entries' numbers of these users.
pub(crate) async fn heads(tx: &Transaction, users: impl Iterator<Item = &UserId>) -> Result<Vec<u64>, store::Error> {
    let ids: Vec<String> = users.map(|user| user.as_str().to_owned()).collect();
    let found = tx.get_many(&INBOX_HEADS, &ids).await?;
    Ok(found.into_iter().map(|doc| doc.map_or(0, |doc| doc.value.last)).collect())
}

/// Appends entries to an inbox whose last entry has the number `head`.
pub(crate) fn enter(
    tx: &Transaction,
    user: &UserId,
    head: u64,
    entries: &[InboxEntry],
    now: Time,
) -> Result<(), store::Error> {
    let inbox = inbox(user);
    let mut last = head;
    for entry in entries {
        last += 1;
        tx.put_until(&inbox, &sequence_id(last), entry, now.plus(STORED))?;
    }
    tx.put(&INBOX_HEADS, user.as_str(), &InboxHead { last })
}

/// Tells users something, once for each delivery's event, and rings for them.
pub(crate) async fn tell<E: Event>(
    job: &Job,
    delivery: &Delivery<E>,
    mut users: Vec<UserId>,
    what: Told,
) -> Result<(), Failure> {
    let now = job.app.now();
    let entries = [InboxEntry { what, at: now }];
    users.sort_unstable();
    users.dedup();
    for (number, part) in users.chunks(AT_ONCE).enumerate() {
        let delivery = delivery.part(number);
        let entered = job
            .store
            .transact("tell", async |tx| {
                for (user, head) in part.iter().zip(heads(&tx, part.iter()).await?) {
                    enter(&tx, user, head, &entries, now)?;
                }
                delivery.mark(&tx, now)
            })
            .await;
        match entered {
            // Told by an earlier delivery, which perhaps did not come to ring.
            Ok(()) | Err(store::Error::AlreadyExists { .. }) => ring(job, part.to_vec()).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Wakes the connections of these users, wherever they are.
pub(crate) async fn ring(job: &Job, users: Vec<UserId>) -> Result<(), Failure> {
    signal(job, users, SignalKind::Inbox).await
}

/// Sends the connections of these users a signal.
pub(crate) async fn signal(job: &Job, users: Vec<UserId>, kind: SignalKind) -> Result<(), Failure> {
    if users.is_empty() {
        return Ok(());
    }
    let tenant = job.store.database().tenant.clone();
    let sent = job.app.live.publish(Signal { tenant, users, kind }).await;
    sent.map_err(|error| Failure::Retry(error.into()))
}
