use access::decision::Action;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use charts::Asking;
use conversations::{OpenChat, open};
use events::Emit;
use garde::Validate;
use http::{HeaderMap, HeaderName, StatusCode, header};
use kernel::{ChatId, JobId, Phi, Role};
use model::consultation_type::ConsultationType;
use model::event::ScribeJobRequested;
use model::note_template::{DEFAULT_TEMPLATE, NoteTemplate};
use model::preferences::PREFERENCES;
use model::scribe_job::{JobState, SCRIBE_JOBS, ScribeJob};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, NotKept, Problems};

use crate::draft::GeneratedNote;
use crate::writer::{Assignment, Waiting, write};
use crate::{job_place, transcript};

/// Which note to write.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GenerateNoteBody {
    /// From which chat; the caller is a member.
    #[garde(skip)]
    chat_id: ChatId,
    /// One of the templates; the caller's default one unless told.
    #[garde(skip)]
    #[schema(example = "soap")]
    template_type: Option<String>,
    /// One of the consultation types.
    #[garde(skip)]
    #[schema(example = "initial_consultation")]
    consultation_type: Option<String>,
    /// Why the patient came: at most 1,000 characters.
    #[garde(inner(length(chars, max = 1000)))]
    #[schema(example = "Annual checkup", max_length = 1000)]
    visit_reason: Option<String>,
}

/// A note that will be written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedJob {
    /// The job; see `GET /api/v1/scribe/jobs/{jobId}`, which is also the `Location`.
    job_id: JobId,
    /// Always `queued`.
    #[schema(value_type = String, example = "queued")]
    state: JobState,
}

/// Write a note from a chat
///
/// From the last 1,000 text messages of a chat, by the configured engine. Every sentence names the messages it rests on.
/// With `Prefer: respond-async` the answer is a job, whose end is also told over the socket.
#[utoipa::path(
    post, path = "/api/v1/scribe/generate-note", tag = "scribe", security(("bearer" = [])),
    params(("Prefer" = Option<String>, Header, description = "`respond-async`: answer 202 with a job", example = "respond-async")),
    request_body = GenerateNoteBody,
    responses(
        (status = 200, body = GeneratedNote, description = "The note"),
        (status = 202, body = AcceptedJob, description = "A job", headers(("Location", description = "The job"))),
        (status = 502, body = web::ErrorBody, description = "The model refuses; trying again will not help"),
        Problems
    ),
)]
pub(crate) async fn generate_note(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<GenerateNoteBody>,
) -> Result<Response, ApiError> {
    caller.trail.action("scribe.generate-note").entity("chat", &body.chat_id);
    caller.must_see_phi()?;
    if !writes_notes(caller.principal.role) {
        return Err(ApiError::forbidden("Only doctors, nurses and assistants let notes be written."));
    }
    let open = open(&Asking::of(&app, &caller), &body.chat_id).await?;
    may_use_ai(&Asking::of(&app, &caller), &open).await?;
    let assignment = assignment(&caller, body).await?;
    if open.chat.message_seq == 0 {
        return Err(empty_chat());
    }
    if prefers_async(&headers) {
        return accept(&app, &caller, &open, assignment).await;
    }
    let turns = transcript::read(&caller.store, &open).await?;
    if turns.is_empty() {
        return Err(empty_chat());
    }
    // The words go to the model whether or not it answers.
    caller.trail.disclosed();
    let note = write(&app, turns, assignment, Waiting::Caller).await?;
    let mut response = Json(note.into_disclosed()).into_response();
    // Writing it again changes nothing, and who asks again may have lost access to the chat.
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// An AI works on a chat about a patient only by a consent to it.
pub(crate) async fn may_use_ai(asking: &Asking<'_>, open: &OpenChat) -> Result<(), ApiError> {
    if let Some(patient) = &open.chat.patient_id {
        asking.open(patient, &Action::UseAi(Some(open.id.clone()))).await?;
    }
    Ok(())
}

/// Who may let notes be written, once verified.
pub(crate) const fn writes_notes(role: Role) -> bool {
    matches!(role, Role::Doctor | Role::Nurse | Role::Assistant)
}

fn empty_chat() -> ApiError {
    ApiError::field("chatId", "chatId: nothing has been said in this chat that a note could be written from")
}

async fn assignment(caller: &Caller, body: GenerateNoteBody) -> Result<Assignment, ApiError> {
    let unknown_type =
        || ApiError::field("consultationType", "consultationType: not one of GET /api/v1/consultation-types");
    let consultation_type = match &body.consultation_type {
        Some(id) => Some(ConsultationType::find(id).ok_or_else(unknown_type)?),
        None => None,
    };
    let template = match &body.template_type {
        Some(id) => NoteTemplate::find_built_in(id)
            .ok_or_else(|| ApiError::field("templateType", "templateType: not one of GET /api/v1/templates"))?,
        None => preferred_template(caller).await?,
    };
    Ok(Assignment { template, consultation_type, visit_reason: body.visit_reason.map(Phi::new) })
}

async fn preferred_template(caller: &Caller) -> Result<NoteTemplate, ApiError> {
    let preferences = caller.store.get(&PREFERENCES, caller.user().as_str()).await?;
    let preferred = preferences.and_then(|doc| NoteTemplate::find_built_in(&doc.value.default_template));
    let template = preferred.or_else(|| NoteTemplate::find_built_in(DEFAULT_TEMPLATE));
    template.ok_or_else(|| ApiError::internal("the default template is not built in"))
}

/// RFC 7240: a list of preferences, each with parameters.
fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split([',', ';'])).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
}

/// Keeps the job, with the event that has it done.
async fn accept(app: &App, caller: &Caller, open: &OpenChat, assignment: Assignment) -> Result<Response, ApiError> {
    let id = JobId::generate(app.random.as_ref());
    let place = job_place(caller.tenant(), &id);
    let now = app.now();
    let mut job = ScribeJob {
        requested_by: caller.user().clone(),
        chat_id: open.id.clone(),
        template_type: assignment.template.id,
        consultation_type: assignment.consultation_type.map(|kind| kind.id.to_owned()),
        visit_reason: assignment.visit_reason.map(|reason| open.key.seal(&place.field("visitReason"), &reason)),
        state: JobState::Queued,
        stages: Vec::new(),
        result: None,
        error: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
    };
    job.enter("queued", now);
    let requested = app.occurs(ScribeJobRequested { job_id: id.clone() });
    caller
        .store
        .transact("request-scribe-job", async |tx| {
            tx.create_until(&SCRIBE_JOBS, id.as_str(), &job, job.expires_at())?;
            tx.emit(&requested)
        })
        .await?;
    let headers = [
        (header::LOCATION, format!("/api/v1/scribe/jobs/{id}")),
        (HeaderName::from_static("preference-applied"), "respond-async".to_owned()),
    ];
    Ok((StatusCode::ACCEPTED, headers, Json(AcceptedJob { job_id: id, state: job.state })).into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::UserId;
    use model::chat::{CHATS, ChatType, sequence_id};
    use model::consent::{Grantee, Scope};
    use model::message::{Message, MessageKind, Priority, message_id, messages};
    use model::preferences::Preferences;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_note_cites_what_was_said, the_template_follows_the_preference, only_clinicians_in_the_chat_ask,
        what_breaks_a_rule_is_named, nothing_said_is_no_note, only_the_last_thousand_messages_count,
        a_job_has_its_stages_and_its_result, an_ai_works_on_a_patients_chat_by_consent_only,
    }

    const VISIT: &[(bool, &str)] = &[
        (true, "Hello, what brings you in today?"),
        (false, "I have had a headache for three days and a little fever."),
        (true, "Do you take any medication?"),
        (false, "I take lisinopril 10 mg every morning."),
        (true, "Your blood pressure is 142 over 90."),
        (true, "I want you to increase lisinopril to 20 mg daily and come back in two weeks."),
    ];

    async fn visit(app: &TestApp) -> (TestUser, TestUser, ChatId) {
        let (ann, pat) = (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
        for (by_doctor, text) in VISIT {
            app.say(&chat, if *by_doctor { &ann } else { &pat }, text).await;
        }
        (ann, pat, chat)
    }

    async fn generate(app: &TestApp, user: &TestUser, body: Value) -> Value {
        app.post("/api/v1/scribe/generate-note").by(user).json(&body).expect(200).await
    }

    async fn a_note_cites_what_was_said(app: TestApp) {
        let (ann, _, chat) = visit(&app).await;
        let body =
            json!({"chatId": chat, "templateType": "soap", "consultationType": "follow_up", "visitReason": "Head"});
        let note = generate(&app, &ann, body).await;
        assert_eq!((&note["engine"], &note["templateType"]), (&json!("extractive-1"), &json!("soap")));
        let keys: BTreeSet<&str> = note["sections"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["subjective", "objective", "assessment", "plan"]));
        let said: BTreeSet<String> = (1..=6).map(|seq| message_id(&chat, seq).to_string()).collect();
        let mut sentences = 0;
        for (section, evidence) in note["evidence"].as_object().unwrap() {
            let evidence = evidence.as_array().unwrap();
            let texts: Vec<&str> = evidence.iter().map(|one| one["text"].as_str().unwrap()).collect();
            assert_eq!(note["sections"][section], texts.join(" "));
            for one in evidence {
                let cited = one["messageIds"].as_array().unwrap();
                assert!(!cited.is_empty() && cited.iter().all(|id| said.contains(id.as_str().unwrap())));
                sentences += 1;
            }
        }
        assert!(sentences >= 3, "{note}");
        assert!(note["sections"]["subjective"].as_str().unwrap().contains("headache"), "{note}");
        assert!(note["sections"]["plan"].as_str().unwrap().contains("20 mg"), "{note}");
        for suggestion in note["suggestions"].as_array().unwrap() {
            let kind = suggestion["type"].as_str().unwrap();
            assert!(["medication", "symptom", "action", "finding"].contains(&kind) && suggestion["id"].is_string());
        }
    }

    async fn an_ai_works_on_a_patients_chat_by_consent_only(app: TestApp) {
        let ann = app.user(Role::Doctor, "Dr. Ann").await;
        let patient = app.patient(&ann, "Pat").await;
        let chat = app.chat(ChatType::CareTeam, Some(patient.clone()), &[&ann.id]).await;
        app.say(&chat, &ann, "I want you to increase lisinopril to 20 mg daily and come back in two weeks.").await;
        let ask = || app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat}));
        let refused = ask().expect(403).await;
        assert_eq!(refused["error"]["details"]["reason"], "no-ai-consent");
        let other = ChatId::generate(app.app.random.as_ref());
        app.consent(&patient, &ann.id, |c| {
            (c.ai_use, c.scope) = (true, Scope::Chat { chat_id: other.clone() });
        })
        .await;
        ask().refused(403, "FORBIDDEN").await;
        let consent = app.consent(&patient, &ann.id, |c| (c.ai_use, c.grantee) = (true, Grantee::CareTeam)).await;
        ask().expect(200).await;

        let queued = ask().header("prefer", "respond-async").expect(202).await;
        app.settle().await;
        let job = app.get(&format!("/api/v1/scribe/jobs/{}", queued["jobId"].as_str().unwrap())).by(&ann);
        assert_eq!(job.expect(200).await["state"], "succeeded");
        app.revoke(&patient, &consent).await;
        ask().refused(403, "FORBIDDEN").await;
        ask().header("prefer", "respond-async").refused(403, "FORBIDDEN").await;
        let log = app.audit_log().await;
        let of = |action: &str| log.iter().filter(|e| e.action == action && e.patients == [patient.clone()]).count();
        assert_eq!((of("scribe.generate-note"), of("scribe.note-written")), (6, 1));
        assert_eq!(log.iter().filter(|e| e.refusal.as_deref() == Some("no-ai-consent")).count(), 4);
    }

    async fn the_template_follows_the_preference(app: TestApp) {
        let (ann, _, chat) = visit(&app).await;
        assert_eq!(generate(&app, &ann, json!({"chatId": chat})).await["templateType"], "soap");
        let preferred = Preferences { default_template: "cardiology".to_owned(), ..Preferences::default() };
        app.store.transact("test", async |tx| tx.put(&PREFERENCES, ann.id.as_str(), &preferred)).await.unwrap();
        let note = generate(&app, &ann, json!({"chatId": chat})).await;
        assert_eq!(note["templateType"], "cardiology");
        assert!(note["sections"]["vital_signs"].is_string());
    }

    async fn only_clinicians_in_the_chat_ask(app: TestApp) {
        let (ann, pat, chat) = visit(&app).await;
        let ask = |user: &TestUser, chat: &str| {
            app.post("/api/v1/scribe/generate-note").by(user).json(&json!({"chatId": chat}))
        };
        let others = [
            app.user(Role::Receptionist, "R").await,
            app.user(Role::Admin, "A").await,
            app.user(Role::Pharmacist, "P").await,
            app.user_verified(Role::Nurse, "U", false).await,
        ];
        for user in others.iter().chain([&pat]) {
            ask(user, chat.as_str()).refused(403, "FORBIDDEN").await;
        }
        let stranger = app.user(Role::Assistant, "Sam").await;
        let foreign = ask(&stranger, chat.as_str()).send().await;
        let none = ask(&stranger, "no-such-chat").send().await;
        assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
        app.leave(&chat, &ann).await;
        ask(&ann, chat.as_str()).refused(404, "NOT_FOUND").await;
        let nobody = app.post("/api/v1/scribe/generate-note").json(&json!({"chatId": chat}));
        nobody.refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, _, chat) = visit(&app).await;
        for (body, field) in [
            (json!({}), "chatId"),
            (json!({"chatId": "../x"}), "chatId"),
            (json!({"chatId": chat, "templateType": "none"}), "templateType"),
            (json!({"chatId": chat, "templateType": 7}), "templateType"),
            (json!({"chatId": chat, "consultationType": "none"}), "consultationType"),
            (json!({"chatId": chat, "visitReason": "x".repeat(1001)}), "visitReason"),
            (json!({"chatId": chat, "engine": "gemini"}), "engine"),
        ] {
            let refused = app.post("/api/v1/scribe/generate-note").by(&ann).json(&body);
            assert_eq!(refused.refused(400, "VALIDATION_ERROR").await, field, "{body}");
        }
    }

    async fn nothing_said_is_no_note(app: TestApp) {
        let (ann, pat) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
        let ask = || app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat}));
        assert_eq!(ask().refused(400, "VALIDATION_ERROR").await, "chatId");
        let refused = ask().header("prefer", "respond-async").refused(400, "VALIDATION_ERROR").await;
        assert_eq!(refused, "chatId");
        let deleted = app.say(&chat, &pat, "I have a headache.").await;
        app.delete_message(&deleted.id).await;
        assert_eq!(ask().refused(400, "VALIDATION_ERROR").await, "chatId");
        app.say(&chat, &pat, "Hello!").await;
        assert_eq!(ask().refused(400, "VALIDATION_ERROR").await, "chatId");
    }

    /// Writes messages as documents: a thousand sent ones would take long.
    async fn many_messages(app: &TestApp, chat: &ChatId, by: &UserId, count: u64) {
        let key = app.app.vault.key(&app.store, &conversations::chat_subject(chat, None)).await.unwrap();
        let places = conversations::Places::of(&app.tenant, chat);
        let message = |seq| Message {
            seq,
            sender: by.clone(),
            kind: MessageKind::Text,
            content: Some(
                key.seal(&places.content(&message_id(chat, seq)), &Phi::new(format!("I took {seq} mg of aspirin."))),
            ),
            priority: Priority::Normal,
            created_at: app.app.now(),
            edited_at: None,
            deleted_at: None,
            edits: 0,
            words: Vec::new(),
        };
        for chunk in (1..=count).collect::<Vec<_>>().chunks(300) {
            let write = app.store.transact("test", async |tx| {
                let mut stored = tx.get(&CHATS, chat.as_str()).await?.unwrap().value;
                stored.message_seq = chunk[chunk.len() - 1];
                for seq in chunk {
                    tx.put(&messages(chat), &sequence_id(*seq), &message(*seq))?;
                }
                tx.put(&CHATS, chat.as_str(), &stored)
            });
            write.await.unwrap();
        }
    }

    async fn only_the_last_thousand_messages_count(app: TestApp) {
        let (ann, pat) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
        many_messages(&app, &chat, &pat.id, 1_003).await;
        let asking = Asking::for_person(&app.app, &app.store, &ann.id, Role::Doctor, true);
        let open = open(&asking, &chat).await.unwrap();
        let turns = transcript::read(&app.store, &open).await.unwrap();
        assert_eq!(turns.len(), 1_000);
        let ends = (turns[0].message_id.clone(), turns[999].message_id.clone());
        assert_eq!(ends, (message_id(&chat, 4), message_id(&chat, 1_003)));
        assert_eq!(turns[0].text.disclose(), "I took 4 mg of aspirin.");
    }

    async fn a_job_has_its_stages_and_its_result(app: TestApp) {
        let (ann, _, chat) = visit(&app).await;
        let body = json!({"chatId": chat, "visitReason": "canary reason"});
        let ask =
            app.post("/api/v1/scribe/generate-note").by(&ann).header("Prefer", "wait=5, Respond-Async").json(&body);
        let accepted = ask.send().await;
        assert_eq!((accepted.status.as_u16(), &accepted.body["state"]), (202, &json!("queued")), "{}", accepted.body);
        let path = format!("/api/v1/scribe/jobs/{}", accepted.body["jobId"].as_str().unwrap());
        assert_eq!(accepted.headers["location"].to_str().unwrap(), path);
        app.settle().await;

        let job = app.get(&path).by(&ann).expect(200).await;
        let stages: Vec<&str> =
            job["stages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(stages, ["queued", "reading", "writing", "done"]);
        assert_eq!((&job["state"], &job["error"]), (&json!("succeeded"), &Value::Null));
        let inline = generate(&app, &ann, body).await;
        assert_eq!(
            (&job["result"]["sections"], &job["result"]["evidence"]),
            (&inline["sections"], &inline["evidence"])
        );

        // Only who asked sees it, and only while in the chat.
        let bob = app.user(Role::Doctor, "Bob").await;
        let foreign = app.get(&path).by(&bob).send().await;
        let none = app.get("/api/v1/scribe/jobs/none").by(&bob).send().await;
        assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
        let stored = app.store.query(&SCRIBE_JOBS, &SCRIBE_JOBS.all()).await.unwrap().pop().unwrap().value;
        let text = serde_json::to_string(&stored).unwrap();
        assert!(!text.contains("headache") && !text.contains("canary"), "{text}");
        app.leave(&chat, &ann).await;
        let revoked = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&revoked["result"], &revoked["error"]), (&Value::Null, &json!("You may no longer see this chat.")));
    }
}
