//! The world that the questions are asked in: for each role and relation a caller, and things of the caller's, of others', or
//! of another clinic's.
//!
//! To add a kind of thing: a variant of [`Thing`], and a case in `Making::make` that makes it and notes its ids under the
//! names that paths and bodies have for them.

use std::collections::BTreeMap;

use kernel::{ChatId, PatientId, Role};
use model::tenant::Tenant;
use testkit::{TestApp, TestUser};

use crate::making::Making;
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
    pub(crate) const ALL: [Self; 5] = [Self::Own, Self::Related, Self::Unrelated, Self::OtherTenant, Self::Unverified];

    /// Whether the thing is the caller's.
    pub(crate) const fn is_own(self) -> bool {
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
    /// `userId`: the things' owner, where the question is about a person.
    Person,
    /// `addressId`: a postal address of the owner's.
    Address,
    /// `password`: the caller has one.
    Password,
    /// `code`: the caller has been offered a second factor, and has its code.
    MfaOffer,
    /// `backupCode`: the caller has the second factor that was offered.
    Mfa,
    /// `email`, `password`, `refreshToken`, `accountId`: an account of its own that registered.
    Account,
    /// `emailToken`: what the account's first e-mail has.
    EmailToken,
    /// `resetToken`: the account's password was forgotten.
    ResetToken,
    /// `requestId`: the account was to get a code, some time ago.
    OtpRequest,
    /// `requestId` and `code`: the account has got a code.
    OtpCode,
    /// `mrn`: the patient's number can be looked up.
    Mrn,
    /// `diagnosisId`.
    Diagnosis,
    /// `medicationId`.
    Medication,
    /// `allergyId`.
    Allergy,
    /// Vital signs were taken.
    Vitals,
    /// `consentId`: a consent of the patient's to a nurse.
    Consent,
    /// `entryId`: a sealed entry of the audit log about the patient, of what the owner did; where the patient asks, of what
    /// a doctor did.
    Entry,
    /// `reviewId`: the colleague declared an emergency.
    Review,
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
        let caller = self.home.user_verified(role, &words.caller, relation != Relation::Unverified).await;
        let colleague = at.user(Role::Doctor, "Dana Doctor").await;
        let newcomer = self.home.user(Role::Nurse, "Nia Newcomer").await;
        let ids = BTreeMap::new();
        let patient = PatientId::generate(at.app.random.as_ref());
        let chat = ChatId::generate(at.app.random.as_ref());
        let scene = Scene { role, relation, caller, colleague, newcomer, patient, chat, ids, words };
        Making { at, scene }.with(things).await
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
                _ => PatientId::generate(app.app.random.as_ref()).into_string(),
            };
        }
        ghost
    }
}
