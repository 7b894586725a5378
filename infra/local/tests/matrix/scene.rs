//! The world that the questions are asked in: for each role and relation a caller, and things of the caller's, of others', or
//! of another clinic's.
//!
//! To add a kind of thing: a variant of [`Thing`], and a case in `Making::make` that stores it and notes its ids under the
//! names that paths and bodies have for them.

use std::collections::BTreeMap;

use conversations::{chat_subject, notification_place};
use kernel::{ChatId, JobId, NoteId, NotificationId, PatientId, Phi, Role};
use model::chat::ChatType;
use model::consent::{Consent, Grantee, Proxy, Purpose};
use model::message::Priority;
use model::note::{NOTES, Note, NoteBody};
use model::notification::{Notification, NotificationType, notifications};
use model::patient::Assigned;
use model::scribe_job::{JobState, SCRIBE_JOBS, ScribeJob};
use model::tenant::Tenant;
use testkit::{TestApp, TestUser};
use vault::Place;

use crate::words::Words;

/// What the caller has to do with the thing asked for. `infra/contract/access.tsv` says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    Own,
    Related,
    Unrelated,
    OtherTenant,
    Unverified,
}

impl Relation {
    pub(crate) const ALL: [Self; 5] =
        [Self::Own, Self::Related, Self::Unrelated, Self::OtherTenant, Self::Unverified];

    /// Whether the thing is the caller's.
    const fn is_own(self) -> bool {
        matches!(self, Self::Own | Self::Unverified)
    }

    /// Whether the caller has nothing to do with it, and must not learn that it is there.
    pub(crate) const fn is_foreign(self) -> bool {
        matches!(self, Self::Unrelated | Self::OtherTenant)
    }
}

/// What a question needs beside the patient and a chat about the patient, which every scene has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// `messageId`: a message of the chat.
    Message,
    /// `messageId`: one that asks to be acknowledged.
    UrgentMessage,
    /// A consent that lets an AI work on the chart and its chats.
    AiConsent,
    /// `noteId`: a clinical note about the patient.
    Note,
    /// `jobId`: a note that the scribe is to write.
    Job,
    /// `notificationId`: a notification.
    Notification,
    /// `sessionId`: another session.
    Session,
    /// `email`, `password` and `refreshToken`: an account of its own that registered.
    Account,
}

/// The two clinics.
pub(crate) struct World {
    /// Where the callers are.
    pub(crate) home: TestApp,
    /// Another clinic of the same installation.
    pub(crate) abroad: TestApp,
}

impl World {
    /// A second clinic beside the one of `home`.
    pub(crate) async fn beside(home: TestApp) -> Self {
        let mut abroad = home.second_instance(consentmd::functions::all()).await;
        abroad.tenant = format!("{}-abroad", home.tenant).parse().unwrap();
        let record = Tenant {
            name: "Another Clinic".to_owned(),
            project: home.store.database().project.clone(),
            database: format!("{}-abroad", home.store.database().name),
            prefix: String::new(),
            active: true,
            created_at: home.app.now(),
            policy: model::tenant::TenantPolicy::default(),
        };
        home.app.tenants.register(&abroad.tenant, &record).await.unwrap();
        abroad.store = abroad.app.tenants.open(&abroad.tenant).await.unwrap().unwrap();
        Self { home, abroad }
    }

    /// A caller of this role, and what it is about.
    pub(crate) async fn scene(&self, role: Role, relation: Relation, things: &[Thing], words: Words) -> Scene {
        let at = if relation == Relation::OtherTenant { &self.abroad } else { &self.home };
        let caller = self.home.user_verified(role, "Casey Caller", relation != Relation::Unverified).await;
        let colleague = at.user(Role::Doctor, "Dana Doctor").await;
        let newcomer = self.home.user(Role::Nurse, "Nia Newcomer").await;
        let ids = BTreeMap::new();
        let patient = PatientId::generate(at.app.random.as_ref());
        let chat = ChatId::generate(at.app.random.as_ref());
        let scene = Scene { role, relation, caller, colleague, newcomer, patient, chat, ids, words };
        let mut making = Making { at, scene };
        making.patient().await;
        making.chat().await;
        for thing in things {
            making.make(*thing).await;
        }
        making.scene
    }
}

/// A caller and what is asked about.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) role: Role,
    pub(crate) relation: Relation,
    pub(crate) caller: TestUser,
    /// A doctor who makes what is not the caller's, and takes part in what is.
    pub(crate) colleague: TestUser,
    /// A nurse of the caller's clinic who has nothing to do with it yet.
    pub(crate) newcomer: TestUser,
    pub(crate) patient: PatientId,
    pub(crate) chat: ChatId,
    /// Everything that paths and bodies name, by its name there.
    pub(crate) ids: BTreeMap<&'static str, String>,
    pub(crate) words: Words,
}

impl Scene {
    /// What a path or body has under this name.
    pub(crate) fn id(&self, name: &str) -> String {
        self.ids.get(name).unwrap_or_else(|| panic!("the scene has no {name}: let its line of asks need one")).clone()
    }

    /// The same caller asking for what is not there: every id is one that nobody gave.
    pub(crate) fn ghost(&self, app: &TestApp) -> Self {
        let mut ghost = self.clone();
        let chat = ChatId::generate(app.app.random.as_ref());
        for (name, id) in &mut ghost.ids {
            *id = match *name {
                "messageId" => model::message::message_id(&chat, 1).into_string(),
                "email" | "password" | "refreshToken" => id.clone(),
                _ => PatientId::generate(app.app.random.as_ref()).into_string(),
            };
        }
        ghost
    }
}

/// A scene in the making, in the clinic where its things are.
struct Making<'a> {
    at: &'a TestApp,
    scene: Scene,
}

impl Making<'_> {
    /// Whose the things are.
    fn owner(&self) -> &TestUser {
        if self.scene.relation.is_own() { &self.scene.caller } else { &self.scene.colleague }
    }

    fn note(&mut self, name: &'static str, id: impl Into<String>) {
        self.scene.ids.insert(name, id.into());
    }

    /// The patient, with what ties the caller to the record.
    async fn patient(&mut self) {
        let Scene { role, relation, caller, colleague, patient, words, .. } = &self.scene;
        let is_maker = relation.is_own() && role.is_staff();
        let maker = if is_maker { caller } else { colleague };
        self.at.patient_with_id(patient, &maker.id, &words.name).await;
        let whole = |consent: &mut Consent| consent.purposes = vec![Purpose::Treatment];
        match (relation, role) {
            (Relation::Own, Role::Patient) => self.at.link(patient, &caller.id).await,
            (Relation::Own, Role::Family) => {
                self.at.consent(patient, &caller.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
            }
            (Relation::Related, Role::Patient | Role::Family) => {
                self.at.consent(patient, &caller.id, whole).await;
            }
            (Relation::Related, _) => {
                let assigned = Assigned { by: colleague.id.clone(), at: self.at.app.now() };
                let change = |patient: &mut model::patient::Patient| {
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
                let allow = |consent: &mut Consent| {
                    (consent.grantee, consent.ai_use) = (Grantee::CareTeam, true);
                };
                self.at.consent(&self.scene.patient, &self.scene.colleague.id, allow).await;
            }
            Thing::Note => self.clinical_note().await,
            Thing::Job => self.job().await,
            Thing::Notification => self.notification().await,
            Thing::Session => {
                let other = self.at.sign_in_again(self.owner()).await;
                self.note("sessionId", other.session.as_str());
            }
            Thing::Account => self.account().await,
        }
    }

    /// Said by the owner; by the colleague where an unverified account could say nothing.
    async fn message(&mut self, priority: Priority) {
        let by = if self.scene.relation == Relation::Own { &self.scene.caller } else { &self.scene.colleague };
        let said = self.at.say_with(&self.scene.chat, by, &self.scene.words.said, priority).await;
        let id = serde_json::to_value(&said).unwrap()["id"].as_str().unwrap().to_owned();
        self.note("messageId", id);
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
            chat_id: self.scene.chat.clone(),
            patient_id: Some(self.scene.patient.clone()),
            message_id: None,
            title: key.seal(&place.field("title"), &Phi::new(words.name.clone())),
            body: key.seal(&place.field("body"), &Phi::new(words.said.clone())),
            is_read: false,
            read_at: None,
            created_at: app.now(),
        };
        let theirs = notifications(&self.owner().id);
        store
            .transact("test-notification", async |tx| tx.create(&theirs, id.as_str(), &notification))
            .await
            .unwrap();
        self.note("notificationId", id.as_str());
    }

    async fn account(&mut self) {
        let words = &self.scene.words;
        let (email, password) = (words.email(), words.password.clone());
        let body = serde_json::json!({"name": words.name, "email": email, "password": password, "role": "Patient"});
        let made = self.at.post("/api/v1/auth/register").json(&body).expect(201).await;
        self.note("email", email);
        self.note("password", password);
        self.note("refreshToken", made["refreshToken"].as_str().unwrap());
    }
}
