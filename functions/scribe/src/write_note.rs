//! Does a scribe job.

use access::decision::Action;
use charts::Asking;
use conversations::{OpenChat, admit_in, open};
use events::{Delivery, Emit, Failure};
use kernel::{JobId, Phi};
use model::chat::CHATS;
use model::consultation_type::ConsultationType;
use model::event::{ScribeJobEnded, ScribeJobRequested};
use model::note_template::NoteTemplate;
use model::scribe_job::{JobState, SCRIBE_JOBS, ScribeJob};
use model::user::USERS;
use store::Transaction;
use web::{ApiError, ClientInfo, Code, Entry, Job, Record};

use crate::draft::GeneratedNote;
use crate::generate_note::{may_use_ai, writes_notes};
use crate::writer::{Assignment, NoNote, Waiting, write};
use crate::{job_place, transcript};

/// How often a job is tried, crashes included.
const MAX_ATTEMPTS: u32 = 5;

/// Writes the note of a job. A job that has ended stays as it is, however often its event comes.
pub(crate) async fn write_note(job: Job, delivery: Delivery<ScribeJobRequested>) -> Result<(), Failure> {
    let work = Work { job, id: delivery.event.job_id };
    let Some(begun) = work.begin().await? else { return Ok(()) };
    if begun.attempts > MAX_ATTEMPTS {
        return work
            .end(&begun, &Outcome::Failed("The work was interrupted too often. Please ask again.".to_owned()))
            .await;
    }
    match work.attempt(&begun).await {
        Ok(outcome) => match work.end(&begun, &outcome).await {
            Err(Failure::GiveUp(reason)) => {
                tracing::error!(job_id = %work.id, reason, "a scribe job's result cannot be kept");
                let message = "The note became too long to be kept. Please ask for it from a shorter chat.";
                work.end(&begun, &Outcome::Failed(message.to_owned())).await
            }
            ended => ended,
        },
        Err(Obstacle { cause, message }) if begun.attempts == MAX_ATTEMPTS => {
            tracing::error!(job_id = %work.id, error = cause.as_ref() as &dyn std::error::Error, "a scribe job is given up");
            work.end(&begun, &Outcome::Failed(message)).await
        }
        Err(Obstacle { cause, .. }) => Err(Failure::Retry(cause)),
    }
}

/// The reason of a job that may not end well any more.
const NO_LONGER: &str = "You may no longer see this chat, or no consent allows an AI to be used on it.";

fn is_refusal(error: &ApiError) -> bool {
    matches!(error.code(), Code::NotFound | Code::Forbidden)
}

struct Work {
    job: Job,
    id: JobId,
}

/// How a job ends. The reason of a failure tells nothing of the conversation.
enum Outcome {
    Written(Box<OpenChat>, Phi<GeneratedNote>),
    Failed(String),
}

/// What may be gone at the next attempt.
struct Obstacle {
    cause: Box<dyn std::error::Error + Send + Sync>,
    /// What the requester is told when there is no next attempt.
    message: String,
}

impl Work {
    /// The job with one more attempt counted; `None` where there is nothing to do.
    async fn begin(&self) -> Result<Option<ScribeJob>, store::Error> {
        self.change("begin-scribe-job", |job| {
            job.state = JobState::Running;
            job.attempts += 1;
            job.enter("reading", self.job.app.now());
        })
        .await
    }

    /// Changes the job unless it has ended.
    async fn change(
        &self,
        name: &'static str,
        change: impl Fn(&mut ScribeJob),
    ) -> Result<Option<ScribeJob>, store::Error> {
        self.job
            .store
            .transact(name, async |tx| {
                let found = tx.get(&SCRIBE_JOBS, self.id.as_str()).await?.map(|doc| doc.value);
                let Some(mut job) = found.filter(|job| !job.has_ended()) else { return Ok(None) };
                change(&mut job);
                tx.put_until(&SCRIBE_JOBS, self.id.as_str(), &job, job.expires_at())?;
                Ok(Some(job))
            })
            .await
    }

    async fn attempt(&self, begun: &ScribeJob) -> Result<Outcome, Obstacle> {
        let Job { app, store } = &self.job;
        let Some(open) = self.open_for_requester(begun).await? else {
            return Ok(Outcome::Failed(NO_LONGER.to_owned()));
        };
        let turns = transcript::read(store, &open).await?;
        if turns.is_empty() {
            return Ok(Outcome::Failed("The chat has nothing that belongs into a note.".to_owned()));
        }
        let Some(assignment) = self.assignment(begun, &open)? else {
            return Ok(Outcome::Failed("The template is no longer there. Please choose another one.".to_owned()));
        };
        self.change("scribe-job-writes", |job| job.enter("writing", app.now())).await?;
        // Durable before the words go to the model, at every attempt.
        self.entry("scribe.ai-used", begun, Some(&open)).write(store).await?;
        match write(app, turns, assignment, Waiting::Job).await {
            Ok(note) => Ok(Outcome::Written(Box::new(open), note)),
            Err(error) if error.is_retryable() => Err(error.into()),
            Err(error) => {
                tracing::warn!(job_id = %self.id, error = &error as &dyn std::error::Error, "a scribe job has no note");
                Ok(Outcome::Failed(error.message().to_owned()))
            }
        }
    }

    /// The chat, if who asked may see it at this moment.
    async fn open_for_requester(&self, begun: &ScribeJob) -> Result<Option<OpenChat>, ApiError> {
        let Job { app, store } = &self.job;
        let user = store.get(&USERS, begun.requested_by.as_str()).await?.map(|doc| doc.value);
        let Some(user) = user.filter(|user| user.may_see_phi() && writes_notes(user.role)) else { return Ok(None) };
        let asking = Asking::for_user(app, store, &begun.requested_by, &user);
        let allowed = async {
            let open = open(&asking, &begun.chat_id).await?;
            may_use_ai(&asking, &open).await?;
            Ok(open)
        };
        match allowed.await {
            Ok(open) => Ok(Some(open)),
            Err(error) if is_refusal(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn assignment(&self, begun: &ScribeJob, open: &OpenChat) -> Result<Option<Assignment>, ApiError> {
        let Some(template) = NoteTemplate::find_built_in(&begun.template_type) else { return Ok(None) };
        let place = job_place(&self.job.store.database().tenant, &self.id);
        let reason = begun.visit_reason.as_ref().map(|sealed| open.key.open(&place.field("visitReason"), sealed));
        let consultation_type = begun.consultation_type.as_deref().and_then(ConsultationType::find);
        Ok(Some(Assignment { template, consultation_type, visit_reason: reason.transpose()? }))
    }

    /// Keeps how the job ended, with the event that tells of it. Only the first end counts.
    async fn end(&self, begun: &ScribeJob, outcome: &Outcome) -> Result<(), Failure> {
        let Job { app, store } = &self.job;
        let now = app.now();
        let (result, error) = match outcome {
            Outcome::Written(open, note) => {
                let place = job_place(&store.database().tenant, &self.id);
                (Some(open.key.seal_json(&place, note).map_err(ApiError::from)?), None)
            }
            Outcome::Failed(reason) => (None, Some(reason.clone())),
        };
        let ended = app.occurs(ScribeJobEnded { job_id: self.id.clone(), user_id: begun.requested_by.clone() });
        let open = match outcome {
            Outcome::Written(open, _) => Some(open.as_ref()),
            Outcome::Failed(_) => None,
        };
        let entry = self.entry("scribe.note-written", begun, open);
        store
            .transact("end-scribe-job", async |tx| {
                let found = tx.get(&SCRIBE_JOBS, self.id.as_str()).await?.map(|doc| doc.value);
                let Some(mut job) = found.filter(|job| !job.has_ended()) else { return Ok::<_, ApiError>(()) };
                // What was consented to when the work began may have been taken back while it lasted.
                let still_allowed = self.is_allowed_in(&tx, begun, outcome).await?;
                let (result, error) = match still_allowed {
                    true => (result.clone(), error.clone()),
                    false => (None, Some(NO_LONGER.to_owned())),
                };
                let is_written = result.is_some();
                job.state = if is_written { JobState::Succeeded } else { JobState::Failed };
                job.enter(if is_written { "done" } else { "failed" }, now);
                (job.result, job.error) = (result, error);
                tx.put_until(&SCRIBE_JOBS, self.id.as_str(), &job, job.expires_at())?;
                tx.record(&if is_written { entry.clone() } else { entry.clone().denied("no-note") })?;
                Ok(tx.emit(&ended)?)
            })
            .await?;
        Ok(())
    }

    /// Whether the requester may have the result now, by what the transaction reads.
    async fn is_allowed_in(&self, tx: &Transaction, begun: &ScribeJob, outcome: &Outcome) -> Result<bool, ApiError> {
        let Outcome::Written(open, _) = outcome else { return Ok(true) };
        let Job { app, store } = &self.job;
        let user = tx.get(&USERS, begun.requested_by.as_str()).await?.map(|doc| doc.value);
        let Some(user) = user.filter(|user| user.may_see_phi() && writes_notes(user.role)) else { return Ok(false) };
        let asking = Asking::for_user(app, store, &begun.requested_by, &user);
        let asked = async {
            let chat = admit_in(&asking, tx, &open.id, tx.get(&CHATS, open.id.as_str()).await?).await?;
            if let Some(patient) = &chat.patient_id {
                asking.enter(tx, patient, &Action::UseAi(Some(open.id.clone()))).await?;
            }
            Ok(())
        };
        match asked.await {
            Ok(()) => Ok(true),
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the audit log says of the end of a job: an AI has worked on a chat for somebody, or it has not.
    fn entry(&self, action: &'static str, begun: &ScribeJob, open: Option<&OpenChat>) -> Entry {
        let entry = self.job.app.entry(action, &ClientInfo::default());
        let entry = entry.of_user(&begun.requested_by).entity("scribe-job", self.id.as_str());
        open.and_then(|open| open.chat.patient_id.as_ref()).into_iter().fold(entry, Entry::patient)
    }
}

impl From<store::Error> for Obstacle {
    fn from(error: store::Error) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ApiError> for Obstacle {
    fn from(error: ApiError) -> Self {
        let message = "Something that is needed did not answer. Please ask again.".to_owned();
        match Failure::from(error) {
            Failure::Retry(cause) => Self { cause, message },
            other => Self { cause: other.into(), message },
        }
    }
}

impl From<NoNote> for Obstacle {
    fn from(error: NoNote) -> Self {
        let message = error.message().to_owned();
        Self { cause: error.into(), message }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use kernel::{ChatId, EventId, Role};
    use model::chat::ChatType;
    use model::event::{Envelope, Event};
    use testkit::{Build, Fault, TestApp, TestUser};
    use web::Function;

    use super::*;

    testkit::on_both_platforms! {
        builds;
        a_finished_job_stays_as_it_is, who_may_no_longer_see_the_chat_gets_no_note, who_has_no_consent_to_an_ai_any_more_gets_no_note, a_fault_is_tried_again,
        a_job_that_crashes_is_given_up,
    }

    /// An application with one more function, which counts the jobs that ended.
    async fn app(build: Build) -> (TestApp, Arc<AtomicU32>) {
        let ended = Arc::new(AtomicU32::new(0));
        let counter = ended.clone();
        let count = move |_: Job, _: Delivery<ScribeJobEnded>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        };
        let counter = Function::new("counter").on::<ScribeJobEnded, _, _>("test-counter", count);
        (TestApp::build(build, vec![crate::function(), counter]).await, ended)
    }

    async fn visit(app: &TestApp) -> (TestUser, ChatId) {
        let (ann, pat) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
        app.say(&chat, &pat, "I have had a headache for three days.").await;
        (ann, chat)
    }

    /// A job that waits, and the event that asks for it.
    async fn queued(app: &TestApp, by: &TestUser, chat: &ChatId, attempts: u32) -> (JobId, Envelope) {
        let id = JobId::generate(app.app.random.as_ref());
        let now = app.app.now();
        let job = ScribeJob {
            requested_by: by.id.clone(),
            chat_id: chat.clone(),
            template_type: "soap".to_owned(),
            consultation_type: None,
            visit_reason: None,
            state: JobState::Queued,
            stages: Vec::new(),
            result: None,
            error: None,
            attempts,
            created_at: now,
            updated_at: now,
        };
        app.store.transact("test", async |tx| tx.create(&SCRIBE_JOBS, id.as_str(), &job)).await.unwrap();
        let envelope = Envelope {
            id: EventId::generate(app.app.random.as_ref()),
            name: ScribeJobRequested::NAME.to_owned(),
            tenant: app.tenant.clone(),
            occurred_at: now,
            lane: None,
            data: serde_json::json!({"jobId": id}),
        };
        (id, envelope)
    }

    async fn job(app: &TestApp, id: &JobId) -> ScribeJob {
        app.store.get(&SCRIBE_JOBS, id.as_str()).await.unwrap().unwrap().value
    }

    fn stages(job: &ScribeJob) -> Vec<&str> {
        job.stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    async fn a_finished_job_stays_as_it_is(build: Build) {
        let (app, ended) = app(build).await;
        let (ann, chat) = visit(&app).await;
        let (id, envelope) = queued(&app, &ann, &chat, 0).await;
        app.deliver(envelope.clone()).await;
        let first = job(&app, &id).await;
        assert_eq!((first.state, stages(&first)), (JobState::Succeeded, vec!["reading", "writing", "done"]));
        app.deliver(envelope.clone()).await;
        app.deliver(Envelope { id: "another".parse().unwrap(), ..envelope.clone() }).await;
        assert_eq!(job(&app, &id).await, first);
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        let unknown = serde_json::json!({"jobId": "none"});
        app.deliver(Envelope { id: "e2".parse().unwrap(), data: unknown, ..envelope }).await;
        assert_eq!(app.parked().await, Vec::<String>::new());
    }

    async fn who_may_no_longer_see_the_chat_gets_no_note(build: Build) {
        let (app, ended) = app(build).await;
        let (ann, chat) = visit(&app).await;
        let (first, envelope) = queued(&app, &ann, &chat, 0).await;
        let of_closed_account = queued(&app, &ann, &chat, 0).await;
        app.leave(&chat, &ann).await;
        app.deliver(envelope).await;
        let failed = job(&app, &first).await;
        assert_eq!((failed.state, stages(&failed)), (JobState::Failed, vec!["reading", "failed"]));
        assert_eq!((failed.error.as_deref(), failed.result), (Some(NO_LONGER), None));

        app.change_chat(&chat, |chat| chat.members.get_mut(&ann.id).unwrap().left_at = None).await;
        let close = app.store.transact("test", async |tx| {
            let mut user = tx.get(&USERS, ann.id.as_str()).await?.unwrap().value;
            user.active = false;
            tx.put(&USERS, ann.id.as_str(), &user)
        });
        close.await.unwrap();
        app.deliver(of_closed_account.1).await;
        assert_eq!(job(&app, &of_closed_account.0).await.state, JobState::Failed);
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    }

    async fn who_has_no_consent_to_an_ai_any_more_gets_no_note(build: Build) {
        let (app, ended) = app(build).await;
        let ann = app.user(Role::Doctor, "Ann").await;
        let patient = app.patient(&ann, "Pat").await;
        let chat = app.chat(ChatType::CareTeam, Some(patient.clone()), &[&ann.id]).await;
        app.say(&chat, &ann, "I want you to increase lisinopril to 20 mg daily and come back in two weeks.").await;
        let consent = app.consent(&patient, &ann.id, |c| c.ai_use = true).await;
        let (first, envelope) = queued(&app, &ann, &chat, 0).await;
        app.revoke(&patient, &consent).await;
        app.deliver(envelope).await;
        let failed = job(&app, &first).await;
        assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some(NO_LONGER)));

        // Taken back after the words were read and before the note is kept.
        app.consent(&patient, &ann.id, |c| c.ai_use = true).await;
        let (second, envelope) = queued(&app, &ann, &chat, 0).await;
        let work = Work { job: Job { app: app.app.clone(), store: app.store.clone() }, id: second.clone() };
        let begun = work.begin().await.unwrap().unwrap();
        let Ok(Outcome::Written(open, note)) = work.attempt(&begun).await else { panic!("a note is written") };
        app.change_patient(&patient, |patient| patient.circle.consents.clear()).await;
        work.end(&begun, &Outcome::Written(open, note)).await.unwrap();
        let failed = job(&app, &second).await;
        assert_eq!((failed.error.as_deref(), failed.result), (Some(NO_LONGER), None));
        app.deliver(envelope).await;
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    }

    async fn a_fault_is_tried_again(build: Build) {
        let (app, ended) = app(build).await;
        let (ann, chat) = visit(&app).await;
        let (id, envelope) = queued(&app, &ann, &chat, 0).await;
        // Of the commits: begin, write, end (fails), begin, write, end (done, but the answer is lost).
        app.faults.plan("scribe-jobs", 2, Fault::NotCommitted);
        app.faults.plan("scribe-jobs", 5, Fault::AnswerLost);
        app.deliver(envelope).await;
        assert!(app.faults.are_over());
        let done = job(&app, &id).await;
        assert_eq!(stages(&done), ["reading", "writing", "reading", "writing", "done"]);
        assert_eq!((done.state, done.attempts), (JobState::Succeeded, 2));
        app.sweep().await;
        assert_eq!((ended.load(Ordering::SeqCst), app.parked().await), (1, Vec::new()));
    }

    async fn a_job_that_crashes_is_given_up(build: Build) {
        let (app, ended) = app(build).await;
        let (ann, chat) = visit(&app).await;
        let (last_try, envelope) = queued(&app, &ann, &chat, MAX_ATTEMPTS - 1).await;
        app.deliver(envelope).await;
        assert_eq!(job(&app, &last_try).await.state, JobState::Succeeded);
        let (one_too_many, envelope) = queued(&app, &ann, &chat, MAX_ATTEMPTS).await;
        app.deliver(envelope).await;
        let failed = job(&app, &one_too_many).await;
        assert_eq!((failed.state, stages(&failed)), (JobState::Failed, vec!["reading", "failed"]));
        assert!(failed.error.unwrap().contains("interrupted"));
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    }
}
