//! Makes a scene's things, as documents where that is simple, else as their owner does.

mod accounts;
mod audit;
mod chart;

use std::collections::BTreeMap;

use conversations::{chat_subject, notification_place};
use kernel::{JobId, NoteId, NotificationId, Phi, Role};
use model::chat::ChatType;
use model::consent::{Grantee, Proxy};
use model::message::Priority;
use model::note::{NOTES, Note, NoteBody};
use model::notification::{Notification, NotificationType, notifications};
use model::patient::{Assigned, Patient, WORDS_INDEX};
use model::scribe_job::{JobState, SCRIBE_JOBS, ScribeJob};
use serde_json::Value;
use testkit::{TestApp, TestUser};
use vault::Place;

use crate::asks::address;
use crate::scene::{Relation, Scene, Thing};

/// A scene in the making, in the clinic where its things are.
pub(crate) struct Making<'a> {
    pub(crate) at: &'a TestApp,
    pub(crate) scene: Scene,
}

impl Making<'_> {
    /// The scene with the patient, a chat, and these things, in their order.
    pub(crate) async fn with(mut self, things: &[Thing]) -> Scene {
        self.patient().await;
        self.chat().await;
        for thing in things {
            self.make(*thing).await;
        }
        self.scene
    }

    /// Whose the things are.
    fn owner(&self) -> &TestUser {
        if self.scene.relation.is_own() { &self.scene.caller } else { &self.scene.colleague }
    }

    fn note(&mut self, name: &'static str, id: impl Into<String>) {
        self.scene.ids.insert(name, id.into());
    }

    /// What somebody's request makes.
    async fn made(&self, by: &TestUser, path: &str, body: &Value) -> Value {
        let response = self.at.post(path).by(by).json(body).send().await;
        assert!(response.status.is_success(), "{path}: {}", response.body);
        response.body
    }

    /// The patient, with what ties the caller to the record.
    async fn patient(&mut self) {
        let Scene { role, relation, caller, colleague, patient, words, .. } = &self.scene;
        let is_maker = relation.is_own() && role.is_staff();
        let maker = if is_maker { caller } else { colleague };
        self.at.patient_with_id(patient, &maker.id, &words.name).await;
        let blind = self.at.app.vault.blind_index(&self.at.store).await.unwrap();
        let found_by = blind.tokens(WORDS_INDEX, &words.name);
        self.at.change_patient(patient, |patient| patient.words.clone_from(&found_by)).await;
        match (relation, role) {
            (Relation::Own, Role::Patient) => self.at.link(patient, &caller.id).await,
            (Relation::Own, Role::Family) => {
                self.at.consent(patient, &caller.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
            }
            (Relation::Related, Role::Patient | Role::Family) => {
                self.at.consent(patient, &caller.id, |_| ()).await;
            }
            (Relation::Related, _) => {
                let assigned = Assigned { by: colleague.id.clone(), at: self.at.app.now() };
                let change = |patient: &mut Patient| {
                    patient.relate(&caller.id, |relation| relation.assigned = Some(assigned.clone()));
                };
                self.at.change_patient(patient, change).await;
            }
            _ => {}
        }
        let (patient, colleague) = (patient.to_string(), colleague.id.to_string());
        self.note("patientId", patient);
        self.note("userId", colleague);
    }

    /// A Care Team chat about the patient, whose admin is the things' owner.
    async fn chat(&mut self) {
        let Scene { relation, caller, colleague, patient, .. } = &self.scene;
        let people = match relation {
            Relation::Own | Relation::Unverified => vec![&caller.id, &colleague.id],
            Relation::Related => vec![&colleague.id, &caller.id],
            Relation::Unrelated | Relation::OtherTenant => vec![&colleague.id],
        };
        let chat = self.at.chat(ChatType::CareTeam, Some(patient.clone()), &people).await;
        self.note("chatId", chat.as_str());
        self.scene.chat = chat;
    }

    async fn make(&mut self, thing: Thing) {
        match thing {
            Thing::Message => self.message(Priority::Normal).await,
            Thing::UrgentMessage => self.message(Priority::Urgent).await,
            Thing::AiConsent => {
                let Scene { patient, colleague, .. } = &self.scene;
                let allow = |consent: &mut model::consent::Consent| {
                    (consent.grantee, consent.ai_use) = (Grantee::CareTeam, true);
                };
                self.at.consent(patient, &colleague.id, allow).await;
            }
            Thing::Note => self.clinical_note().await,
            Thing::Job => self.job().await,
            Thing::Notification => self.notification().await,
            Thing::Session => {
                let other = self.at.sign_in_again(self.owner()).await;
                self.note("sessionId", other.session.as_str());
            }
            Thing::Person => {
                let person = self.owner().id.to_string();
                self.note("userId", person);
            }
            Thing::Address => {
                let made = self.made(self.owner(), "/api/v1/users/me/addresses", &address(&self.scene)).await;
                self.note("addressId", text(&made["id"]));
            }
            Thing::Password => self.password().await,
            Thing::MfaOffer => self.mfa_offer().await,
            Thing::Mfa => self.mfa().await,
            Thing::Account => self.account().await,
            Thing::EmailToken => self.email_token().await,
            Thing::ResetToken => self.reset_token().await,
            Thing::OtpRequest => self.otp_request().await,
            Thing::OtpCode => self.otp_code().await,
            Thing::Mrn => self.mrn().await,
            Thing::Diagnosis => self.diagnosis().await,
            Thing::Medication => self.medication().await,
            Thing::Allergy => self.allergy().await,
            Thing::Vitals => self.vitals().await,
            Thing::Entry => self.entry().await,
            Thing::Review => {
                let path = format!("/api/v1/patients/{}/break-glass", self.scene.patient);
                let body = serde_json::json!({"reason": self.scene.words.reason});
                let broken = self.made(&self.scene.colleague, &path, &body).await;
                self.note("reviewId", text(&broken["id"]));
            }
            Thing::Consent => {
                let Scene { patient, newcomer, .. } = &self.scene;
                let consent = self.at.consent(patient, &newcomer.id, |_| ()).await;
                self.note("consentId", consent.as_str());
            }
        }
    }

    /// Said by the owner; by the colleague where an unverified account could say nothing.
    async fn message(&mut self, priority: Priority) {
        let by = if self.scene.relation == Relation::Own { &self.scene.caller } else { &self.scene.colleague };
        let said = self.at.say_with(&self.scene.chat, by, &self.scene.words.said, priority).await;
        self.note("messageId", text(&serde_json::to_value(&said).unwrap()["id"]));
    }

    async fn clinical_note(&mut self) {
        let (app, store, words) = (&self.at.app, &self.at.store, &self.scene.words);
        let id = NoteId::generate(app.random.as_ref());
        let subject = chat_subject(&self.scene.chat, Some(&self.scene.patient));
        let key = app.vault.key(store, &subject).await.unwrap();
        let place = Place::new(&self.at.tenant, "notes", id.as_str(), "body");
        let sections = BTreeMap::from([("subjective".to_owned(), words.said.clone())]);
        let body = NoteBody { sections, ..NoteBody::default() };
        let note = Note {
            chat_id: self.scene.chat.clone(),
            patient_id: Some(self.scene.patient.clone()),
            created_by: self.owner().id.clone(),
            consultation_type: None,
            visit_reason: Some(key.seal(&place.field("visitReason"), &Phi::new(words.reason.clone()))),
            template_type: "soap".to_owned(),
            body: key.seal_json(&place, &Phi::new(body)).unwrap(),
            is_draft: true,
            signed: None,
            version: 1,
            created_at: app.now(),
            updated_at: app.now(),
            deleted_at: None,
        };
        store.transact("test-note", async |tx| tx.create(&NOTES, id.as_str(), &note)).await.unwrap();
        self.note("noteId", id.as_str());
    }

    async fn job(&mut self) {
        let (app, store) = (&self.at.app, &self.at.store);
        let id = JobId::generate(app.random.as_ref());
        let job = ScribeJob {
            requested_by: self.owner().id.clone(),
            chat_id: self.scene.chat.clone(),
            template_type: "soap".to_owned(),
            consultation_type: None,
            visit_reason: None,
            state: JobState::Queued,
            stages: Vec::new(),
            result: None,
            error: None,
            attempts: 0,
            created_at: app.now(),
            updated_at: app.now(),
        };
        store.transact("test-job", async |tx| tx.create(&SCRIBE_JOBS, id.as_str(), &job)).await.unwrap();
        self.note("jobId", id.as_str());
    }

    async fn notification(&mut self) {
        let (app, store, words) = (&self.at.app, &self.at.store, &self.scene.words);
        let id = NotificationId::generate(app.random.as_ref());
        let subject = chat_subject(&self.scene.chat, Some(&self.scene.patient));
        let key = app.vault.key(store, &subject).await.unwrap();
        let place = notification_place(&self.at.tenant, &id);
        let notification = Notification {
            kind: NotificationType::Message,
            chat_id: Some(self.scene.chat.clone()),
            patient_id: Some(self.scene.patient.clone()),
            message_id: None,
            emergency_id: None,
            title: key.seal(&place.field("title"), &Phi::new(words.name.clone())),
            body: key.seal(&place.field("body"), &Phi::new(words.said.clone())),
            is_read: false,
            read_at: None,
            created_at: app.now(),
        };
        let theirs = notifications(&self.owner().id);
        store.transact("test-notification", async |tx| tx.create(&theirs, id.as_str(), &notification)).await.unwrap();
        self.note("notificationId", id.as_str());
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
