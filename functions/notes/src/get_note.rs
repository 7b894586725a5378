use std::collections::BTreeMap;

use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use conversations::{OpenChat, Places, SenderView, chat_subject};
use kernel::{ChatId, NoteId, PatientId, Phi, Role, Time};
use model::chat::{CHATS, Chat};
use model::consent::DataKind;
use model::note::{NOTES, Note, NoteBody};
use serde::Serialize;
use store::Doc;
use utoipa::ToSchema;
use vault::SubjectKey;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::content::{NoteSentence, NoteSuggestionView};
use crate::{etag, note_place};

/// A clinical note.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteView {
    /// The note.
    id: NoteId,
    /// The chat it rests on.
    chat_id: ChatId,
    /// The patient it is about.
    patient_id: Option<PatientId>,
    /// Who wrote it.
    created_by: SenderView,
    /// What kind of consultation it was.
    #[schema(example = "initial_consultation")]
    consultation_type: Option<String>,
    /// Why the patient came.
    #[schema(example = "Annual checkup")]
    visit_reason: Option<String>,
    /// Its template.
    #[schema(example = "soap")]
    template_type: String,
    /// The text of each section.
    #[schema(example = json!({"subjective": "Patient reports feeling well."}))]
    sections: BTreeMap<String, String>,
    /// Which messages each sentence rests on, by section, where the scribe wrote it.
    evidence: BTreeMap<String, Vec<NoteSentence>>,
    /// What the scribe suggested.
    suggestions: Vec<NoteSuggestionView>,
    /// Which engine wrote the first draft, if one did.
    #[schema(example = "extractive-1")]
    engine: Option<String>,
    /// Whether it is not final yet.
    is_draft: bool,
    /// Whether it is signed.
    is_signed: bool,
    /// When it was signed.
    signed_at: Option<Time>,
    /// Its version, from 1; also the `ETag`.
    #[schema(example = 1)]
    version: u32,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// Get a clinical note
///
/// For whom the patient's record is open for notes. A note of a chat without a patient's record is for its author, and for
/// doctors and nurses who are members of the chat.
#[utoipa::path(
    get, path = "/api/v1/clinical-notes/{noteId}", tag = "notes", security(("bearer" = [])),
    params(("noteId" = NoteId, Path, description = "The note")),
    responses((status = 200, body = NoteView, description = "The note", headers(("ETag", description = "The version"))), Problems),
)]
pub(crate) async fn get_note(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NoteId>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("note.read").entity("note", &id);
    caller.must_see_phi()?;
    let no_note = || ApiError::not_found("clinical note");
    let found: Option<Doc<Note>> = caller.store.get(&NOTES, id.as_str()).await?;
    let note = found.map(|doc| doc.value).filter(|note| note.deleted_at.is_none()).ok_or_else(no_note)?;
    let chat: Option<Doc<Chat>> = caller.store.get(&CHATS, note.chat_id.as_str()).await?;
    let chat = chat.map(|doc| doc.value).ok_or_else(no_note)?;
    match &note.patient_id {
        Some(patient) => {
            let opened = Asking::of(&app, &caller).open(patient, &Action::Read(DataKind::Notes)).await;
            opened.map_err(|error| error.instead_of_not_found(no_note()))?;
        }
        None if may_read(&caller, &note, &chat) => {}
        None => return Err(no_note()),
    }
    let key = match app.vault.key(&caller.store, &chat_subject(&note.chat_id, note.patient_id.as_ref())).await {
        Ok(key) => key,
        // Destroyed with all that it sealed.
        Err(vault::Error::KeyMissing { .. }) => return Err(no_note()),
        Err(error) => return Err(error.into()),
    };
    let version = note.version;
    Ok((etag(version), Json(view(&caller, id, note, chat, key)?)))
}

/// Of a note about no patient's chart: its chat says who may see it.
fn may_read(caller: &Caller, note: &Note, chat: &Chat) -> bool {
    let cares = matches!(caller.principal.role, Role::Doctor | Role::Nurse);
    note.created_by == *caller.user() || (cares && chat.deleted_at.is_none() && chat.member(caller.user()).is_some())
}

/// The note for someone who may see it. A named disclosure.
fn view(caller: &Caller, id: NoteId, note: Note, chat: Chat, key: SubjectKey) -> Result<NoteView, ApiError> {
    let place = note_place(caller.tenant(), &id);
    let reason = note.visit_reason.map(|sealed| key.open(&place.field("visitReason"), &sealed)).transpose()?;
    let body: NoteBody = key.open_json(&place, &note.body)?.into_disclosed();
    let chat = OpenChat { id: note.chat_id, chat, key };
    let name = chat.name_of(&Places::of(caller.tenant(), &chat.id), &note.created_by)?.into_disclosed();
    let sentences = |(section, all): (String, Vec<_>)| (section, all.into_iter().map(Into::into).collect());
    Ok(NoteView {
        id,
        chat_id: chat.id,
        patient_id: note.patient_id,
        created_by: SenderView { id: note.created_by, name },
        consultation_type: note.consultation_type,
        visit_reason: reason.map(Phi::into_disclosed),
        template_type: note.template_type,
        sections: body.sections,
        evidence: body.evidence.into_iter().map(sentences).collect(),
        suggestions: body.suggestions.into_iter().map(Into::into).collect(),
        engine: body.engine,
        is_draft: note.is_draft,
        is_signed: note.signed.is_some(),
        signed_at: note.signed.map(|signed| signed.at),
        version: note.version,
        created_at: note.created_at,
        updated_at: note.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use model::chat::ChatType;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_generated_note_comes_back_with_its_evidence, who_may_not_read_it_learns_nothing,
        a_note_of_a_destroyed_key_is_gone,
    }

    /// A note of the doctor's with everything in it, its path and its chat.
    async fn note(app: &TestApp, doctor: &TestUser, others: &[&TestUser]) -> (Value, String, ChatId) {
        let people: Vec<_> = std::iter::once(doctor).chain(others.iter().copied()).map(|user| &user.id).collect();
        let chat = app.chat(ChatType::CareTeam, Some("pat-1".parse().unwrap()), &people).await;
        let said = app.say(&chat, doctor, "Take 5 mg of lisinopril daily.").await.id;
        let body = json!({
            "chatId": chat, "templateType": "soap", "consultationType": "follow_up", "visitReason": "Blood pressure",
            "sections": {"subjective": "", "plan": "Lisinopril 5 mg daily."}, "isDraft": true, "engine": "extractive-1",
            "evidence": {"plan": [{"text": "Lisinopril 5 mg daily.", "messageIds": [said]}]},
            "suggestions": [{"id": "s1", "section": "plan", "suggestedText": "Lisinopril", "type": "medication",
                "messageIds": [said]}],
        });
        let id = app.post("/api/v1/clinical-notes").by(doctor).json(&body).expect(201).await["id"].clone();
        (body, format!("/api/v1/clinical-notes/{}", id.as_str().unwrap()), chat)
    }

    async fn a_generated_note_comes_back_with_its_evidence(app: TestApp) {
        let (ann, nurse) = (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Nurse, "Nina").await);
        let (sent, path, chat) = note(&app, &ann, &[&nurse]).await;
        let answer = app.get(&path).by(&nurse).send().await;
        assert_eq!((answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()), (200, "\"1\""));
        let mut suggestions = sent["suggestions"].clone();
        suggestions[0]["isAccepted"] = json!(false);
        let now = app.app.now();
        let expected = json!({
            "id": answer.body["id"], "chatId": chat, "patientId": "pat-1",
            "createdBy": {"id": ann.id, "name": "Dr. Ann"}, "consultationType": "follow_up",
            "visitReason": "Blood pressure", "templateType": "soap", "sections": sent["sections"],
            "evidence": sent["evidence"], "suggestions": suggestions, "engine": "extractive-1", "isDraft": true,
            "isSigned": false, "signedAt": null, "version": 1, "createdAt": now, "updatedAt": now,
        });
        assert_eq!(answer.body, expected);
    }

    async fn who_may_not_read_it_learns_nothing(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let (bob, pat) = (app.user(Role::Doctor, "Bob").await, app.user(Role::Patient, "Pat").await);
        let (_, path, chat) = note(&app, &ann, &[&bob, &pat]).await;
        let stranger = app.user(Role::Doctor, "Sam").await;
        let none = app.get("/api/v1/clinical-notes/none").by(&stranger).expect(404).await;
        for user in [&stranger, &pat] {
            assert_eq!(app.get(&path).by(user).expect(404).await, none);
        }
        app.get(&path).by(&bob).expect(200).await;
        app.leave(&chat, &bob).await;
        app.get(&path).by(&bob).refused(404, "NOT_FOUND").await;
        // Its author keeps it, whatever becomes of the chat.
        app.leave(&chat, &ann).await;
        app.get(&path).by(&ann).expect(200).await;
        app.get(&path).refused(401, "UNAUTHORIZED").await;
        let unverified = app.user_verified(Role::Nurse, "Una", false).await;
        app.get(&path).by(&unverified).refused(403, "FORBIDDEN").await;
        assert_eq!(app.get("/api/v1/clinical-notes/a%20b").by(&ann).refused(400, "VALIDATION_ERROR").await, "noteId");
    }

    async fn a_note_of_a_destroyed_key_is_gone(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let (_, path, _) = note(&app, &ann, &[]).await;
        let patient = Subject::Patient("pat-1".parse().unwrap());
        let now = app.app.now();
        app.store.transact("test", async |tx| app.app.vault.destroy_key(&tx, &patient, now)).await.unwrap();
        app.app.vault.forget(&app.tenant, &patient);
        app.get(&path).by(&ann).refused(404, "NOT_FOUND").await;
    }
}
