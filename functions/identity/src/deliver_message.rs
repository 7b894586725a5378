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

#[cfg(test)]
mod tests {
    use accounts::Letter;
    use connect::messages::{Channel, Fate as SimulatedFate};
    use events::Occurred;
    use kernel::{Phi, Role};
    use model::event::{Envelope, Event, OUTBOX};
    use serde_json::json;
    use testkit::{Fault, TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_message_goes_out_and_is_forgotten, the_next_way_is_taken, a_crash_sends_nothing_twice,
        what_was_not_heard_of_is_asked_about, a_service_that_is_down_is_tried_again, what_is_of_no_use_is_not_sent,
        the_page_shows_it_to_this_machine_alone,
    }

    const NUMBER: &str = "+15550142877";
    const ADDRESS: &str = "ann@example.com";

    fn letter() -> Letter {
        let number = || Phi::new(NUMBER.to_owned());
        Letter {
            kind: "test",
            routes: vec![
                (Channel::WhatsApp, number()),
                (Channel::Sms, number()),
                (Channel::Email, Phi::new(ADDRESS.to_owned())),
            ],
            subject: "A subject".to_owned(),
            text: Phi::new("<b>& 123456".to_owned()),
            useful_for: Duration::from_secs(300),
        }
    }

    async fn post(app: &TestApp, user: &TestUser) -> OutgoingId {
        let posted = letter().post(&app.app, &app.store, &user.id).await.unwrap();
        app.store.transact("test", async |tx| posted.save(&tx)).await.unwrap();
        app.settle().await;
        posted.id().clone()
    }

    async fn stored(app: &TestApp, id: &OutgoingId) -> OutgoingMessage {
        app.store.get(&OUTGOING, id.as_str()).await.unwrap().unwrap().value
    }

    async fn chase(app: &TestApp) {
        chase_messages(Job { app: app.app.clone(), store: app.store.clone() }).await.unwrap();
    }

    async fn sent_on(app: &TestApp) -> Vec<Channel> {
        app.sent().await.iter().map(|message| message.channel).collect()
    }

    fn outcomes(message: &OutgoingMessage) -> Vec<AttemptOutcome> {
        message.attempts.iter().map(|attempt| attempt.outcome).collect()
    }

    async fn a_message_goes_out_and_is_forgotten(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        let id = post(&app, &ann).await;
        let sent = app.sent().await;
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].channel, sent[0].to.disclose().as_str()), (Channel::WhatsApp, NUMBER));
        assert_eq!(
            (sent[0].subject.disclose().as_str(), sent[0].text.disclose().as_str()),
            ("A subject", "<b>& 123456")
        );
        let stored = stored(&app, &id).await;
        assert_eq!((stored.state, &stored.text, &stored.subject), (MessageState::Done, &None, &None));
        assert_eq!(outcomes(&stored), [AttemptOutcome::Delivered]);
    }

    async fn the_next_way_is_taken(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        app.messages.set_channel(Channel::WhatsApp, SimulatedFate::Undelivered);
        app.messages.set_channel(Channel::Sms, SimulatedFate::Refused);
        let id = post(&app, &ann).await;
        assert_eq!(sent_on(&app).await, [Channel::WhatsApp, Channel::Email], "the refused one was never taken");
        let found = stored(&app, &id).await;
        let expected = [AttemptOutcome::Undelivered, AttemptOutcome::Refused, AttemptOutcome::Delivered];
        assert_eq!((found.state, outcomes(&found)), (MessageState::Done, expected.to_vec()));

        app.messages.set_recipient(ADDRESS, SimulatedFate::Undelivered);
        let id = post(&app, &ann).await;
        let found = stored(&app, &id).await;
        assert_eq!((found.state, found.text), (MessageState::Failed, None));
    }

    async fn a_crash_sends_nothing_twice(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        // The attempt is written down and made; its outcome is not written down.
        app.faults.plan("outgoing-messages", 2, Fault::NotCommitted);
        let id = post(&app, &ann).await;
        assert!(app.faults.are_over());
        assert_eq!(outcomes(&stored(&app, &id).await), [AttemptOutcome::Started]);
        chase(&app).await;
        assert_eq!(outcomes(&stored(&app, &id).await), [AttemptOutcome::Started], "somebody may be at it");
        app.clock.advance(AT_WORK);
        chase(&app).await;
        assert_eq!(stored(&app, &id).await.state, MessageState::Done);
        assert_eq!(sent_on(&app).await.len(), 1);

        // It is written down that it begins, and nothing more happens.
        let posted = letter().post(&app.app, &app.store, &ann.id).await.unwrap();
        let quiet = app.second_instance(Vec::new()).await;
        quiet.store.transact("test", async |tx| posted.save(&tx)).await.unwrap();
        let id = posted.id().clone();
        let crashed = app.store.transact("test", async |tx| {
            let mut message = tx.get(&OUTGOING, id.as_str()).await?.unwrap().value;
            message.attempts.push(Attempt { at: app.app.now(), outcome: AttemptOutcome::Started });
            tx.put(&OUTGOING, id.as_str(), &message)
        });
        crashed.await.unwrap();
        app.clock.advance(AT_WORK);
        chase(&app).await;
        assert_eq!(stored(&app, &id).await.state, MessageState::Done);
        assert_eq!(sent_on(&app).await.len(), 2);
        // A second delivery changes nothing.
        let again = app.app.occurs(MessageWanted { message_id: id.clone() });
        deliver_again(&app, &again).await;
        assert_eq!(sent_on(&app).await.len(), 2);
    }

    async fn deliver_again(app: &TestApp, event: &Occurred<MessageWanted>) {
        use events::Emit;
        app.store.transact("test", async |tx| tx.emit(event)).await.unwrap();
        app.settle().await;
        let left = app.store.query(&OUTBOX, &OUTBOX.all()).await.unwrap();
        let left: Vec<Envelope> =
            left.into_iter().map(|doc| doc.value).filter(|e| e.name == MessageWanted::NAME).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    async fn what_was_not_heard_of_is_asked_about(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        app.messages.set_channel(Channel::WhatsApp, SimulatedFate::AnswerLost);
        let id = post(&app, &ann).await;
        assert_eq!(stored(&app, &id).await.state, MessageState::Done, "it had arrived");
        assert_eq!(sent_on(&app).await.len(), 1);

        app.messages.set_channel(Channel::WhatsApp, SimulatedFate::Pending);
        let id = post(&app, &ann).await;
        assert_eq!(outcomes(&stored(&app, &id).await), [AttemptOutcome::Pending]);
        app.clock.advance(Duration::from_secs(30));
        chase(&app).await;
        assert_eq!(sent_on(&app).await.len(), 2, "it has some time to arrive");
        app.messages.settle(&app.tenant, &reference(&id, 0), Fate::Undelivered);
        chase(&app).await;
        assert_eq!(sent_on(&app).await[2..], [Channel::Sms]);
        assert_eq!(stored(&app, &id).await.state, MessageState::Done);

        let id = post(&app, &ann).await;
        app.clock.advance(PATIENCE);
        chase(&app).await;
        assert_eq!(outcomes(&stored(&app, &id).await), [AttemptOutcome::Pending, AttemptOutcome::Delivered]);
    }

    async fn a_service_that_is_down_is_tried_again(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        for channel in [Channel::WhatsApp, Channel::Sms, Channel::Email] {
            app.messages.set_channel(channel, SimulatedFate::Unavailable);
        }
        let id = post(&app, &ann).await;
        assert!(!stored(&app, &id).await.is_finished());
        assert!(app.sent().await.is_empty());
        app.messages.set_channel(Channel::Email, SimulatedFate::Delivered);
        app.clock.advance(AT_WORK);
        chase(&app).await;
        assert_eq!(sent_on(&app).await, [Channel::Email]);
        assert_eq!(stored(&app, &id).await.state, MessageState::Done);
        assert!(app.parked().await.is_empty());
    }

    async fn what_is_of_no_use_is_not_sent(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        for channel in [Channel::WhatsApp, Channel::Sms, Channel::Email] {
            app.messages.set_channel(channel, SimulatedFate::Unavailable);
        }
        let id = post(&app, &ann).await;
        app.messages.set_channel(Channel::Email, SimulatedFate::Delivered);
        app.clock.advance(Duration::from_secs(300));
        chase(&app).await;
        assert!(app.sent().await.is_empty());
        let found = stored(&app, &id).await;
        assert_eq!((found.state, found.text), (MessageState::Failed, None));
    }

    async fn the_page_shows_it_to_this_machine_alone(app: TestApp) {
        let ann = app.user(Role::Patient, "Ann").await;
        post(&app, &ann).await;
        let page = app.get("/dev/outbox").header("host", "localhost:8080").expect(200).await;
        assert_eq!(page["simulated"], true);
        assert_eq!((&page["data"][0]["to"], &page["data"][0]["channel"]), (&json!(NUMBER), &json!("whatsapp")));
        let page = app.get("/dev/outbox").header("host", "127.0.0.1").header("accept", "text/html").expect(200).await;
        let html = page.as_str().unwrap();
        assert!(
            html.contains("SIMULATED") && html.contains("&lt;b&gt;&amp; 123456") && !html.contains("<b>&"),
            "{html}"
        );
        app.get("/dev/outbox").header("host", "evil.example").refused(404, "NOT_FOUND").await;
        app.get("/dev/outbox").refused(404, "NOT_FOUND").await;
    }
}
