use std::collections::BTreeMap;

use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use conversations::{OpenChat, open};
use garde::Validate;
use http::StatusCode;
use kernel::{ChatId, NoteId, PatientId, Phi, Role, Time};
use model::consent::DataKind;
use model::consultation_type::ConsultationType;
use model::note::{NOTES, Note};
use model::note_template::NoteTemplate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::content::{Content, Frame, NoteSentence, NoteSuggestionView};
use crate::{etag, note_place};

/// A clinical note to save.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateNoteBody {
    /// The chat it rests on; the caller is a member.
    #[garde(skip)]
    chat_id: ChatId,
    /// The patient: the one the chat is about. Not needed.
    #[garde(skip)]
    patient_id: Option<PatientId>,
    /// One of the consultation types.
    #[garde(skip)]
    #[schema(example = "initial_consultation")]
    consultation_type: Option<String>,
    /// Why the patient came: at most 1,000 characters.
    #[garde(inner(length(chars, max = 1000)))]
    #[schema(example = "Annual checkup", max_length = 1000)]
    visit_reason: Option<String>,
    /// One of the templates.
    #[garde(skip)]
    #[schema(example = "soap")]
    template_type: String,
    /// The text of each section, by the template's section keys; up to 20,000 characters each. Unless it is a draft, the
    /// template's required sections must say something.
    #[garde(skip)]
    #[schema(example = json!({"subjective": "Patient reports feeling well.", "objective": "BP 120/80, HR 72.",
        "assessment": "Patient in good health.", "plan": "Continue current medications."}))]
    sections: BTreeMap<String, String>,
    /// Which messages each sentence rests on, by section, as the scribe answered it.
    #[serde(default)]
    #[garde(skip)]
    evidence: BTreeMap<String, Vec<NoteSentence>>,
    /// What the scribe suggested, as it answered it.
    #[serde(default)]
    #[garde(skip)]
    suggestions: Vec<NoteSuggestionView>,
    /// Which engine wrote the first draft, as the scribe answered it.
    #[garde(inner(length(chars, max = 100)))]
    #[schema(example = "extractive-1", max_length = 100)]
    engine: Option<String>,
    /// Whether it is not final yet.
    #[serde(default)]
    #[garde(skip)]
    is_draft: bool,
}

/// A note that was saved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedNote {
    /// The note.
    id: NoteId,
    /// The chat it rests on.
    chat_id: ChatId,
    /// The patient it is about.
    patient_id: Option<PatientId>,
    /// Its template.
    #[schema(example = "soap")]
    template_type: String,
    /// Whether it is not final yet.
    is_draft: bool,
    /// Its version, from 1; also the `ETag`.
    #[schema(example = 1)]
    version: u32,
    /// When it was made.
    created_at: Time,
}

/// Save a clinical note
///
/// By a doctor who is a member of the chat. A note that the scribe generated is saved with its evidence.
#[utoipa::path(
    post, path = "/api/v1/clinical-notes", tag = "notes", security(("bearer" = [])),
    request_body = CreateNoteBody,
    responses((status = 201, body = SavedNote, description = "Saved", headers(("ETag", description = "The version"))), Problems),
)]
pub(crate) async fn create_note(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<CreateNoteBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("note.create").entity("chat", &body.chat_id);
    caller.must_see_phi()?;
    if caller.principal.role != Role::Doctor {
        return Err(ApiError::forbidden("Only doctors write clinical notes."));
    }
    let open = open(&Asking::of(&app, &caller), &body.chat_id).await?;
    let id = NoteId::generate(app.random.as_ref());
    caller.trail.entity("note", &id);
    let note = new_note(&app, &caller, &open, &id, body)?;
    caller
        .store
        .transact("create-note", async |tx| {
            if let Some(patient) = &note.patient_id {
                Asking::of(&app, &caller).enter(&tx, patient, &Action::Write(DataKind::Notes)).await?;
            }
            Ok::<_, ApiError>(tx.create(&NOTES, id.as_str(), &note)?)
        })
        .await?;
    let saved = SavedNote {
        id,
        chat_id: note.chat_id,
        patient_id: note.patient_id,
        template_type: note.template_type,
        is_draft: note.is_draft,
        version: note.version,
        created_at: note.created_at,
    };
    Ok((StatusCode::CREATED, etag(saved.version), Json(saved)))
}

/// The note as it is stored, if it keeps the rules.
fn new_note(app: &App, caller: &Caller, open: &OpenChat, id: &NoteId, body: CreateNoteBody) -> Result<Note, ApiError> {
    if body.patient_id.is_some() && body.patient_id != open.chat.patient_id {
        let message = "patientId: not the patient that the chat is about; leave it out to take that one";
        return Err(ApiError::field("patientId", message));
    }
    if body.consultation_type.as_deref().is_some_and(|kind| ConsultationType::find(kind).is_none()) {
        let message = "consultationType: not one of GET /api/v1/consultation-types";
        return Err(ApiError::field("consultationType", message));
    }
    let template = NoteTemplate::find_built_in(&body.template_type)
        .ok_or_else(|| ApiError::field("templateType", "templateType: not one of GET /api/v1/templates"))?;
    let CreateNoteBody { sections, evidence, suggestions, engine, is_draft, .. } = body;
    let frame = Frame { template: &template, is_draft, chat_id: &open.id, message_seq: open.chat.message_seq };
    let content = Content { sections, evidence, suggestions, engine }.checked(&frame)?;
    let place = note_place(caller.tenant(), id);
    let now = app.now();
    Ok(Note {
        chat_id: open.id.clone(),
        patient_id: open.chat.patient_id.clone(),
        created_by: caller.user().clone(),
        consultation_type: body.consultation_type,
        visit_reason: body.visit_reason.map(|reason| open.key.seal(&place.field("visitReason"), &Phi::new(reason))),
        template_type: template.id.clone(),
        body: open.key.seal_json(&place, &Phi::new(content))?,
        is_draft,
        signed: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    })
}

#[cfg(test)]
mod tests {
    use model::chat::ChatType;
    use serde_json::{Value, json};
    use store::Key;
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_note_is_saved_as_the_api_says, only_doctors_in_the_chat_write, what_breaks_a_rule_is_named,
        a_draft_may_be_empty_and_a_note_may_not, a_note_is_sealed_at_rest, a_repeated_request_saves_once,
        the_longest_note_fits,
    }

    async fn two(app: &TestApp) -> (TestUser, TestUser, ChatId) {
        let (ann, pat) = (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
        (ann, pat, chat)
    }

    fn soap(chat: &ChatId) -> Value {
        json!({
            "chatId": chat, "templateType": "soap",
            "sections": {"subjective": "Well.", "objective": "BP 120/80.", "assessment": "Healthy.", "plan": "None."},
        })
    }

    /// The body with one field changed.
    fn with(mut body: Value, field: &str, value: Value) -> Value {
        body[field] = value;
        body
    }

    async fn a_note_is_saved_as_the_api_says(app: TestApp) {
        let (ann, pat) = (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, Some("pat-1".parse().unwrap()), &[&ann.id, &pat.id]).await;
        let body = with(soap(&chat), "patientId", json!("pat-1"));
        let answer = app.post("/api/v1/clinical-notes").by(&ann).json(&body).send().await;
        assert_eq!((answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()), (201, "\"1\""));
        let id = answer.body["id"].clone();
        let expected = json!({
            "id": id, "chatId": chat, "patientId": "pat-1", "templateType": "soap", "isDraft": false, "version": 1,
            "createdAt": app.app.now(),
        });
        assert_eq!(answer.body, expected);
        // Without it, the chat's patient counts.
        let answer = app.post("/api/v1/clinical-notes").by(&ann).json(&soap(&chat)).expect(201).await;
        assert_eq!(answer["patientId"], "pat-1");
        let other = with(soap(&chat), "patientId", json!("pat-2"));
        let field = app.post("/api/v1/clinical-notes").by(&ann).json(&other).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "patientId");
    }

    async fn only_doctors_in_the_chat_write(app: TestApp) {
        let (ann, pat, _) = two(&app).await;
        let (nurse, new) = (app.user(Role::Nurse, "N").await, app.user_verified(Role::Doctor, "New", false).await);
        let chat = app.chat(ChatType::CareTeam, None, &[&ann.id, &pat.id, &nurse.id, &new.id]).await;
        let post = |user: &TestUser, chat: &str| {
            app.post("/api/v1/clinical-notes").by(user).json(&with(soap(&"c".parse().unwrap()), "chatId", json!(chat)))
        };
        for user in [&pat, &nurse, &new] {
            post(user, chat.as_str()).refused(403, "FORBIDDEN").await;
        }
        let stranger = app.user(Role::Doctor, "Sam").await;
        let foreign = post(&stranger, chat.as_str()).send().await;
        let none = post(&stranger, "no-such-chat").send().await;
        assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
        app.leave(&chat, &ann).await;
        post(&ann, chat.as_str()).refused(404, "NOT_FOUND").await;
        app.post("/api/v1/clinical-notes").json(&soap(&chat)).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, _, chat) = two(&app).await;
        let said = app.say(&chat, &ann, "hello").await.id;
        let post = async |body: &Value| {
            app.post("/api/v1/clinical-notes").by(&ann).json(body).refused(400, "VALIDATION_ERROR").await
        };
        let sentence = |ids: Value| json!({"plan": [{"text": "None.", "messageIds": ids}]});
        let suggestion = |id: &str, section: &str, text: &str| json!({"id": id, "section": section, "suggestedText": text, "type": "action", "messageIds": [said]});
        let unsent = format!("{}_0000000002", chat);
        for (field, value, named) in [
            ("chatId", json!("a b"), "chatId"),
            ("templateType", json!("none"), "templateType"),
            ("templateType", json!(null), "templateType"),
            ("consultationType", json!("none"), "consultationType"),
            ("visitReason", json!("x".repeat(1001)), "visitReason"),
            ("engine", json!("x".repeat(101)), "engine"),
            ("authorId", json!("someone"), "authorId"),
            ("isDraft", json!("yes"), "isDraft"),
            ("sections", json!([]), "sections"),
            ("sections", json!({"plan": 7}), "sections.plan"),
            ("sections", json!({"hpi": "x"}), "sections.hpi"),
            ("sections", json!({"plan": "x".repeat(20_001)}), "sections.plan"),
            ("evidence", json!({"hpi": []}), "evidence.hpi"),
            ("evidence", sentence(json!([])), "evidence.plan[0].messageIds"),
            ("evidence", sentence(json!(["other-chat_0000000001"])), "evidence.plan[0].messageIds"),
            ("evidence", sentence(json!([unsent])), "evidence.plan[0].messageIds"),
            ("evidence", sentence(json!(["../x"])), "evidence.plan[0].messageIds[0]"),
            ("evidence", json!({"plan": [{"text": " ", "messageIds": [said]}]}), "evidence.plan[0].text"),
            ("suggestions", json!([suggestion("s1", "hpi", "x")]), "suggestions[0].section"),
            ("suggestions", json!([suggestion("s 1", "plan", "x")]), "suggestions[0].id"),
            ("suggestions", json!([suggestion("a", "plan", "x"), suggestion("a", "plan", "y")]), "suggestions[1].id"),
            ("suggestions", json!([suggestion("s1", "plan", "")]), "suggestions[0].suggestedText"),
            ("suggestions", json!([{"id": "a"}]), "suggestions[0].section"),
        ] {
            assert_eq!(post(&with(soap(&chat), field, value.clone())).await, named, "{field}: {value}");
        }
    }

    async fn a_draft_may_be_empty_and_a_note_may_not(app: TestApp) {
        let (ann, _, chat) = two(&app).await;
        let partial = with(soap(&chat), "sections", json!({"subjective": "Well.", "plan": " "}));
        let post = |body: &Value| app.post("/api/v1/clinical-notes").by(&ann).json(body);
        assert_eq!(post(&partial).refused(400, "VALIDATION_ERROR").await, "sections.objective");
        assert_eq!(post(&with(partial.clone(), "isDraft", json!(true))).expect(201).await["isDraft"], true);
        let comprehensive = json!({
            "chatId": chat, "templateType": "comprehensive",
            "sections": {"chief_complaint": "Cough.", "hpi": "3 days.", "assessment": "Cold.", "plan": "Rest."},
        });
        assert_eq!(post(&comprehensive).expect(201).await["templateType"], "comprehensive");
    }

    async fn a_note_is_sealed_at_rest(app: TestApp) {
        let (ann, _, chat) = two(&app).await;
        let said = app.say(&chat, &ann, "hello").await.id;
        let mut body = with(soap(&chat), "visitReason", json!("canary reason"));
        body["sections"]["plan"] = json!("canary plan");
        body["evidence"] = json!({"plan": [{"text": "canary sentence", "messageIds": [said]}]});
        let id = app.post("/api/v1/clinical-notes").by(&ann).json(&body).expect(201).await["id"].clone();
        let key = Key::new(NOTES.path(), id.as_str().unwrap());
        let stored = app.store.get_keys(&[key]).await.unwrap().pop().flatten().unwrap();
        let text = serde_json::to_string(&stored.fields).unwrap();
        assert!(!text.contains("canary") && text.contains("templateType"), "{text}");
    }

    async fn a_repeated_request_saves_once(app: TestApp) {
        let (ann, _, chat) = two(&app).await;
        let post = async || {
            app.post("/api/v1/clinical-notes")
                .by(&ann)
                .header("idempotency-key", "k1")
                .json(&soap(&chat))
                .expect(201)
                .await
        };
        assert_eq!(post().await, post().await);
        assert_eq!(app.store.count(&NOTES, &NOTES.all()).await.unwrap(), 1);
    }

    async fn the_longest_note_fits(app: TestApp) {
        let (ann, _, chat) = two(&app).await;
        let text = "é".repeat(crate::content::MAX_SECTION_CHARS);
        let template = NoteTemplate::find_built_in("comprehensive").unwrap();
        let sections: BTreeMap<&str, &str> =
            template.sections.iter().map(|one| (one.id.as_str(), text.as_str())).collect();
        let body = json!({"chatId": chat, "templateType": "comprehensive", "sections": sections});
        let id = app.post("/api/v1/clinical-notes").by(&ann).json(&body).expect(201).await["id"].clone();
        let path = format!("/api/v1/clinical-notes/{}", id.as_str().unwrap());
        assert_eq!(app.get(&path).by(&ann).expect(200).await["sections"], json!(sections));
    }
}
