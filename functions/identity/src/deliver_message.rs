//! Sends the messages that transactions wanted: one attempt for each way to the person, the next where one fails. Each
//! attempt is written down before it begins and again when it ended, and goes out under a reference of its own, so that
//! after a crash the service is asked what became of it before anything is sent again.

use std::time::Duration;

use accounts::open_letter;
use connect::messages::{Accepted, Delivery as Fate, Outgoing, SendError};
use events::{Delivery, Failure};
use kernel::OutgoingId;
use model::event::MessageWanted;
use model::outgoing::{Attempt, AttemptOutcome, MessageState, OUTGOING, OutgoingMessage};
use vault::Subject;
use web::Job;

/// Within this an attempt that began may still be at work elsewhere.
const AT_WORK: Duration = Duration::from_secs(30);
/// A message that was taken and has not arrived for so long goes out on the next way too.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a message is looked at in one turn; each way takes two or three looks.
const MOST_STEPS: usize = 16;
/// How many waiting messages are looked at in one turn of the schedule.
const AT_ONCE: u32 = 200;

/// Sends a message that is wanted.
pub(crate) async fn deliver_message(job: Job, delivery: Delivery<MessageWanted>) -> Result<(), Failure> {
    // The document says what was done; a second delivery finds nothing left to do.
    deliver(&job, &delivery.event.message_id).await
}

/// Asks what became of messages that were sent and not known to have arrived, and sends what a crash left.
pub(crate) async fn chase_messages(job: Job) -> Result<(), Failure> {
    let waiting = OUTGOING.all().eq("state", "waiting").limit(AT_ONCE);
    for doc in job.store.query(&OUTGOING, &waiting).await? {
        let Ok(id) = doc.id.parse::<OutgoingId>() else { continue };
        match deliver(&job, &id).await {
            Ok(()) => {}
            Err(failure @ Failure::Retry(_)) => return Err(failure),
            Err(failure) => {
                tracing::error!(message_id = %id, error = &failure as &dyn std::error::Error, "a message cannot be sent");
            }
        }
    }
    Ok(())
}

async fn deliver(job: &Job, id: &OutgoingId) -> Result<(), Failure> {
    for _ in 0..MOST_STEPS {
        let Some(message) = job.store.get(&OUTGOING, id.as_str()).await?.map(|doc| doc.value) else { return Ok(()) };
        match next(job, &message) {
            // What waits for its service is the schedule's.
            Next::Nothing | Next::Later => return Ok(()),
            Next::GiveUp(state) => return finish(job, id, state).await,
            Next::Begin => begin(job, id, &message).await?,
            Next::Ask(n) => {
                let asked = job.app.messages.outcome(&job.store.database().tenant, &reference(id, n)).await;
                match asked {
                    Ok(Some(accepted)) => {
                        // Nothing new: the schedule asks again.
                        if settle(job, id, n, outcome_of(&accepted)).await? == AttemptOutcome::Pending {
                            return Ok(());
                        }
                    }
                    Ok(None) => send(job, id, &message, n).await?,
                    Err(_) => return Ok(()),
                }
            }
            Next::Send(n) => send(job, id, &message, n).await?,
        }
    }
    Ok(())
}

/// What is to be done for a message.
enum Next {
    /// Nothing.
    Nothing,
    /// Nothing yet.
    Later,
    /// It is over.
    GiveUp(MessageState),
    /// The next way is tried.
    Begin,
    /// The service is asked about this attempt.
    Ask(usize),
    /// This attempt is made again.
    Send(usize),
}

fn next(job: &Job, message: &OutgoingMessage) -> Next {
    let now = job.app.now();
    if message.is_finished() {
        return Next::Nothing;
    }
    let Some((n, last)) = message.attempts.iter().enumerate().next_back() else {
        return if now < message.useful_until { Next::Begin } else { Next::GiveUp(MessageState::Failed) };
    };
    let is_late = now >= message.useful_until;
    let another = message.has_another_route();
    match last.outcome {
        AttemptOutcome::Started if now.since(last.at) < AT_WORK => Next::Later,
        AttemptOutcome::Started | AttemptOutcome::Unknown if is_late => Next::GiveUp(MessageState::Unknown),
        AttemptOutcome::Started | AttemptOutcome::Unknown => Next::Ask(n),
        AttemptOutcome::Pending if is_late => Next::GiveUp(MessageState::Unknown),
        AttemptOutcome::Pending if another && now.since(last.at) >= PATIENCE => Next::Begin,
        AttemptOutcome::Pending => Next::Ask(n),
        AttemptOutcome::Delivered => Next::GiveUp(MessageState::Done),
        _ if is_late => Next::GiveUp(MessageState::Failed),
        _ if another => Next::Begin,
        AttemptOutcome::Unavailable if now.since(last.at) < AT_WORK => Next::Later,
        AttemptOutcome::Unavailable => Next::Send(n),
        AttemptOutcome::Undelivered | AttemptOutcome::Refused => Next::GiveUp(MessageState::Failed),
    }
}

/// Writes down that the next attempt begins, and makes it.
async fn begin(job: &Job, id: &OutgoingId, seen: &OutgoingMessage) -> Result<(), Failure> {
    let n = seen.attempts.len();
    let now = job.app.now();
    let begun = job
        .store
        .transact("message-attempt", async |tx| {
            let Some(mut message) = tx.get(&OUTGOING, id.as_str()).await?.map(|doc| doc.value) else {
                return Ok(false);
            };
            if message.is_finished() || message.attempts.len() != n || !message.has_another_route() {
                return Ok(false);
            }
            message.attempts.push(Attempt { at: now, outcome: AttemptOutcome::Started });
            tx.put_until(&OUTGOING, id.as_str(), &message, message.kept_until())?;
            Ok::<_, store::Error>(true)
        })
        .await?;
    if begun { send(job, id, seen, n).await } else { Ok(()) }
}

async fn send(job: &Job, id: &OutgoingId, message: &OutgoingMessage, n: usize) -> Result<(), Failure> {
    let tenant = &job.store.database().tenant;
    let key = match job.app.vault.key(&job.store, &Subject::User(message.user_id.clone())).await {
        Ok(key) => key,
        Err(error) if error.is_retryable() => return Err(Failure::Retry(error.into())),
        // The person's data was destroyed meanwhile.
        Err(_) => return finish(job, id, MessageState::Failed).await,
    };
    let opened = open_letter(&key, tenant, id, message, n).map_err(|error| Failure::GiveUp(error.to_string()))?;
    let (Some(letter), Some(route)) = (opened, message.routes.get(n)) else { return Ok(()) };
    let outgoing = Outgoing {
        tenant: tenant.clone(),
        reference: reference(id, n),
        channel: route.channel,
        kind: message.kind.clone(),
        to: letter.to,
        subject: letter.subject,
        text: letter.text,
    };
    let outcome = match job.app.messages.send(outgoing).await {
        Ok(accepted) => outcome_of(&accepted),
        Err(SendError::Refused) => AttemptOutcome::Refused,
        Err(SendError::Unavailable) => AttemptOutcome::Unavailable,
        Err(SendError::Unknown) => AttemptOutcome::Unknown,
    };
    settle(job, id, n, outcome).await.map(drop)
}

/// Writes down how an attempt ended, as far as it is known.
async fn settle(job: &Job, id: &OutgoingId, n: usize, outcome: AttemptOutcome) -> Result<AttemptOutcome, Failure> {
    let now = job.app.now();
    job.store
        .transact("message-outcome", async |tx| {
            let Some(mut message) = tx.get(&OUTGOING, id.as_str()).await?.map(|doc| doc.value) else { return Ok(()) };
            let Some(attempt) = message.attempts.get_mut(n) else { return Ok(()) };
            if attempt.outcome == outcome && outcome != AttemptOutcome::Unavailable {
                return Ok(());
            }
            attempt.outcome = outcome;
            if outcome == AttemptOutcome::Unavailable {
                attempt.at = now;
            }
            if outcome == AttemptOutcome::Delivered && !message.is_finished() {
                message.finish(MessageState::Done);
            }
            tx.put_until(&OUTGOING, id.as_str(), &message, message.kept_until())
        })
        .await?;
    Ok(outcome)
}

async fn finish(job: &Job, id: &OutgoingId, state: MessageState) -> Result<(), Failure> {
    job.store
        .transact("message-finished", async |tx| {
            let Some(mut message) = tx.get(&OUTGOING, id.as_str()).await?.map(|doc| doc.value) else { return Ok(()) };
            if message.is_finished() {
                return Ok(());
            }
            message.finish(state);
            tx.put_until(&OUTGOING, id.as_str(), &message, message.kept_until())
        })
        .await?;
    Ok(())
}

const fn outcome_of(accepted: &Accepted) -> AttemptOutcome {
    match accepted.delivery {
        Fate::Pending => AttemptOutcome::Pending,
        Fate::Delivered => AttemptOutcome::Delivered,
        Fate::Undelivered => AttemptOutcome::Undelivered,
    }
}

fn reference(id: &OutgoingId, n: usize) -> String {
    format!("{id}-{n}")
}
