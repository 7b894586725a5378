//! The one decision about a patient's record: may someone do something, for a purpose, now, and why.
//!
//! [`decide`] is a function of what it is given and nothing else. What lists, sockets, jobs and exports show is filtered
//! by the same call. Where nothing allows something, it is refused.
//!
//! | ground | who | what it allows |
//! |---|---|---|
//! | own record | the patient | reading all, own contact details and conditions, chats, consents |
//! | care relationship (created the record, assigned, in a Care Team chat) | verified staff | by role, for treatment and care coordination |
//! | consent | whom it is given to | what it covers, for its purposes; staff by role, others reading and chats |
//! | family proxy | whom it is given to | as the patient, as far as it covers; for a child until it is of age |
//! | break-glass | one clinician, at most four hours | by role, for treatment |
//! | admin | verified admins | reading and the record's upkeep, for anything but research; no care |
//!
//! AI use, recording and contacting the patient over a channel need a consent that says so, whoever asks.
//!
//! To add a ground: a variant of [`Reason`], a case in `grounds`, and the same rule in the independent model of this
//! crate's property test.

use kernel::{ChatId, ConsentId, EmergencyId, Role, Time, UserId};
use model::consent::{Channel, Consent, DataKind, Grantee, Proxy, Purpose};
use model::patient::{Circle, Patient, Relation};

use crate::Principal;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker<'a> {
    /// The account.
    pub user: &'a UserId,
    /// What it is in the tenant.
    pub role: Role,
    /// Whether an admin has verified a staff account.
    pub verified: bool,
}

impl<'a> From<&'a Principal> for Asker<'a> {
    fn from(principal: &'a Principal) -> Self {
        Self { user: &principal.user, role: principal.role, verified: principal.verified }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// To see a part of the chart.
    Read(DataKind),
    /// To add to or change a part of the chart.
    Write(DataKind),
    /// To take part in a chat about the patient. Being a member of it is asked apart.
    Chat(ChatId),
    /// To have an AI work on a chat, or on the chart where none is named. Access to it is asked apart.
    UseAi(Option<ChatId>),
    /// To record a call.
    Record(Option<ChatId>),
    /// To write to the patient over a channel.
    Contact(Channel),
    /// To give and revoke consents.
    Consent,
    /// To see who may see the record.
    SeeAccess,
    /// To delete the record.
    Delete,
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The patient's account.
    pub user_id: Option<&'a UserId>,
    /// The circle.
    pub circle: &'a Circle,
    /// Whether the record is deleted.
    pub is_deleted: bool,
    /// Whether the patient is of age. Asked of the sealed birth date where the circle has a child's proxy; else any.
    pub is_of_age: bool,
}

impl<'a> Record<'a> {
    /// A patient's record.
    pub const fn of(patient: &'a Patient, is_of_age: bool) -> Self {
        Self {
            user_id: patient.user_id.as_ref(),
            circle: &patient.circle,
            is_deleted: patient.deleted_at.is_some(),
            is_of_age,
        }
    }
}

/// What allows something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It is one's own record.
    OwnRecord,
    /// One made the record.
    Created,
    /// One is assigned to the patient.
    Assigned,
    /// One is in this Care Team chat about the patient.
    CareTeamChat(ChatId),
    /// This consent.
    Consent(ConsentId),
    /// This consent to act for the patient.
    Proxy(ConsentId),
    /// This emergency access.
    BreakGlass(EmergencyId),
    /// One administers the clinic.
    Admin,
}

impl Reason {
    /// The reason as programs and the audit log have it.
    pub fn code(&self) -> String {
        match self {
            Self::OwnRecord => "own-record".to_owned(),
            Self::Created => "created".to_owned(),
            Self::Assigned => "assigned".to_owned(),
            Self::CareTeamChat(id) => format!("care-team-chat:{id}"),
            Self::Consent(id) => format!("consent:{id}"),
            Self::Proxy(id) => format!("proxy:{id}"),
            Self::BreakGlass(id) => format!("break-glass:{id}"),
            Self::Admin => "admin".to_owned(),
        }
    }

    /// The reason for people.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::OwnRecord => "It is their own record.",
            Self::Created => "They made the record.",
            Self::Assigned => "They are assigned to the patient.",
            Self::CareTeamChat(_) => "They are in a Care Team chat about the patient.",
            Self::Consent(_) => "A consent allows it.",
            Self::Proxy(_) => "They act for the patient by a consent.",
            Self::BreakGlass(_) => "They declared an emergency, which is reviewed.",
            Self::Admin => "They administer the clinic.",
        }
    }
}

/// What stands in the way, where nothing allows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// A staff account that no admin has verified.
    Unverified,
    /// The record is deleted.
    Deleted,
    /// Nothing ties the person to the patient.
    NoGround,
    /// Something ties the person to the patient, but the person's role, or what was consented to, does not go that far.
    NotCovered,
    /// It would be allowed for another purpose.
    Purpose,
    /// No consent allows AI use.
    NoAiConsent,
    /// No consent allows recording.
    NoRecordingConsent,
    /// No consent allows this channel.
    NoChannelConsent,
}

impl Refusal {
    /// The refusal as programs and the audit log have it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Deleted => "deleted",
            Self::NoGround => "no-ground",
            Self::NotCovered => "not-covered",
            Self::Purpose => "other-purpose",
            Self::NoAiConsent => "no-ai-consent",
            Self::NoRecordingConsent => "no-recording-consent",
            Self::NoChannelConsent => "no-channel-consent",
        }
    }

    /// The refusal for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unverified => "Their account waits for an administrator to verify it.",
            Self::Deleted => "The record is deleted.",
            Self::NoGround => "Nothing ties them to this patient: no care relationship, no consent, no emergency.",
            Self::NotCovered => "Their role, or what was consented to, does not go that far.",
            Self::Purpose => "It is not allowed for this purpose.",
            Self::NoAiConsent => "No consent in force allows an AI to be used.",
            Self::NoRecordingConsent => "No consent in force allows recording.",
            Self::NoChannelConsent => "No consent in force allows this channel.",
        }
    }
}

/// An answer with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes: all the reasons there are, at least one.
    Allow(Vec<Reason>),
    /// No.
    Deny(Refusal),
}

impl Decision {
    /// Whether it is yes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// May `asker` do `action` to a record, for `purpose`, at `at`?
pub fn decide(asker: Asker<'_>, record: Record<'_>, action: &Action, purpose: Purpose, at: Time) -> Decision {
    if asker.role.is_staff() && !asker.verified {
        return Decision::Deny(Refusal::Unverified);
    }
    if record.is_deleted {
        return Decision::Deny(Refusal::Deleted);
    }
    let grounds = grounds(asker, record, at);
    let allows = |purpose| -> Vec<Reason> {
        let question = Question { asker, action, purpose };
        grounds.iter().filter(|ground| question.is_allowed_by(ground)).map(Ground::reason).collect()
    };
    let reasons = allows(purpose);
    if !reasons.is_empty() {
        return Decision::Allow(reasons);
    }
    let otherwise = match action {
        Action::UseAi(_) => Refusal::NoAiConsent,
        Action::Record(_) => Refusal::NoRecordingConsent,
        Action::Contact(_) => Refusal::NoChannelConsent,
        _ if grounds.is_empty() => Refusal::NoGround,
        _ if Purpose::ALL.into_iter().any(|other| !allows(other).is_empty()) => Refusal::Purpose,
        _ => Refusal::NotCovered,
    };
    Decision::Deny(otherwise)
}

/// All that ties `asker` to a record now, whatever it allows. Empty for a record that is deleted and for an account that
/// waits for verification.
pub fn ties(asker: Asker<'_>, record: Record<'_>, at: Time) -> Vec<Reason> {
    if record.is_deleted || (asker.role.is_staff() && !asker.verified) {
        return Vec::new();
    }
    grounds(asker, record, at).iter().map(Ground::reason).collect()
}

/// Something that ties a person to a patient.
enum Ground<'a> {
    Own,
    Care(Reason),
    Consent(&'a Consent),
    Proxy(&'a Consent),
    Emergency(&'a EmergencyId),
    Admin,
}

impl Ground<'_> {
    fn reason(&self) -> Reason {
        match self {
            Self::Own => Reason::OwnRecord,
            Self::Care(reason) => reason.clone(),
            Self::Consent(consent) => Reason::Consent(consent.id.clone()),
            Self::Proxy(consent) => Reason::Proxy(consent.id.clone()),
            Self::Emergency(id) => Reason::BreakGlass((*id).clone()),
            Self::Admin => Reason::Admin,
        }
    }
}

/// All that ties `asker` to the patient at `at`.
fn grounds<'a>(asker: Asker<'_>, record: Record<'a>, at: Time) -> Vec<Ground<'a>> {
    let mut grounds = Vec::new();
    if record.user_id == Some(asker.user) {
        grounds.push(Ground::Own);
    }
    let relation =
        record.circle.relations.get(asker.user).filter(|relation| asker.role.is_staff() && !relation.is_over());
    grounds.extend(relation.into_iter().flat_map(reasons_of).map(Ground::Care));
    for consent in record.circle.consents.iter().filter(|consent| consent.is_in_force(at)) {
        let is_meant = match &consent.grantee {
            Grantee::User { user_id } => user_id == asker.user,
            Grantee::Role { role } => *role == asker.role,
            Grantee::CareTeam => relation.is_some(),
        };
        match consent.proxy {
            _ if !is_meant => {}
            None => grounds.push(Ground::Consent(consent)),
            Some(Proxy::Minor) if record.is_of_age => {}
            Some(_) => grounds.push(Ground::Proxy(consent)),
        }
    }
    let emergencies = record.circle.emergencies.iter();
    let own =
        emergencies.filter(|e| e.user_id == *asker.user && e.from <= at && at < e.until && asker.role.is_clinical());
    grounds.extend(own.map(|emergency| Ground::Emergency(&emergency.id)));
    if asker.role.is_admin() {
        grounds.push(Ground::Admin);
    }
    grounds
}

fn reasons_of(relation: &Relation) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(relation.created.then_some(Reason::Created));
    reasons.extend(relation.assigned.as_ref().map(|_| Reason::Assigned));
    reasons.extend(relation.chats.iter().cloned().map(Reason::CareTeamChat));
    reasons
}

struct Question<'a> {
    asker: Asker<'a>,
    action: &'a Action,
    purpose: Purpose,
}

impl Question<'_> {
    fn is_allowed_by(&self, ground: &Ground<'_>) -> bool {
        match ground {
            Ground::Own => self.is_for_the_patient(),
            Ground::Care(_) => self.is_care() && self.is_for_staff(),
            Ground::Consent(consent) => self.is_covered_by(consent),
            Ground::Proxy(consent) => {
                consent.purposes.contains(&self.purpose) && self.is_for_the_patient() && self.is_within(consent)
            }
            Ground::Emergency(_) => self.purpose == Purpose::Treatment && self.is_for_staff(),
            Ground::Admin => self.purpose != Purpose::Research && self.is_upkeep(),
        }
    }

    const fn is_care(&self) -> bool {
        matches!(self.purpose, Purpose::Treatment | Purpose::CareCoordination)
    }

    /// What a patient may do with the own record.
    const fn is_for_the_patient(&self) -> bool {
        match self.action {
            Action::Read(_) | Action::Chat(_) | Action::Consent | Action::SeeAccess => true,
            Action::Write(kind) => matches!(kind, DataKind::Demographics | DataKind::Diagnoses),
            Action::UseAi(_) | Action::Record(_) | Action::Contact(_) | Action::Delete => false,
        }
    }

    /// How far a proxy's consent goes.
    fn is_within(&self, consent: &Consent) -> bool {
        match self.action {
            Action::Read(kind) | Action::Write(kind) => consent.scope.covers(*kind),
            Action::Chat(chat) => consent.scope.covers_chat(chat),
            _ => consent.scope == model::consent::Scope::WholeChart,
        }
    }

    /// What staff of the asker's role does in care.
    const fn is_for_staff(&self) -> bool {
        match self.action {
            Action::Read(kind) => reads(self.asker.role, *kind),
            Action::Write(kind) => writes(self.asker.role, *kind),
            Action::Chat(_) => self.asker.role.is_staff(),
            Action::SeeAccess => self.asker.role.is_clinical(),
            Action::UseAi(_) | Action::Record(_) | Action::Contact(_) | Action::Consent | Action::Delete => false,
        }
    }

    /// What admins do.
    const fn is_upkeep(&self) -> bool {
        match self.action {
            Action::Read(_) | Action::Chat(_) | Action::SeeAccess | Action::Delete => true,
            Action::Write(kind) => matches!(kind, DataKind::Demographics),
            Action::UseAi(_) | Action::Record(_) | Action::Contact(_) | Action::Consent => false,
        }
    }

    fn is_covered_by(&self, consent: &Consent) -> bool {
        if !consent.purposes.contains(&self.purpose) {
            return false;
        }
        let covers = |chat: &Option<ChatId>, kind| match chat {
            Some(chat) => consent.scope.covers_chat(chat),
            None => consent.scope.covers(kind),
        };
        match self.action {
            Action::Read(kind) => {
                consent.scope.covers(*kind) && (!self.asker.role.is_staff() || reads(self.asker.role, *kind))
            }
            // Care by consent alone, without a relationship, such as a specialist's second opinion.
            Action::Write(kind) => consent.scope.covers(*kind) && self.is_care() && writes(self.asker.role, *kind),
            Action::Chat(chat) => consent.scope.covers_chat(chat),
            Action::UseAi(chat) => consent.ai_use && covers(chat, DataKind::Notes),
            Action::Record(chat) => {
                consent.recording && (consent.scope.covers(DataKind::Calls) || covers(chat, DataKind::Calls))
            }
            Action::Contact(channel) => consent.channels.contains(channel),
            Action::Consent | Action::SeeAccess | Action::Delete => false,
        }
    }
}

/// Which parts of a chart staff of a role sees, for patients that it has to do with.
pub const fn reads(role: Role, kind: DataKind) -> bool {
    match role {
        Role::Doctor | Role::Nurse | Role::Assistant => true,
        Role::Pharmacist => matches!(
            kind,
            DataKind::Demographics
                | DataKind::Diagnoses
                | DataKind::Medications
                | DataKind::Allergies
                | DataKind::Vitals
        ),
        Role::Receptionist => matches!(kind, DataKind::Demographics),
        Role::SuperAdmin | Role::ClinicAdmin | Role::Admin => true,
        Role::Patient | Role::Family => false,
    }
}

/// Which parts of a chart staff of a role changes, for patients that it has to do with.
pub const fn writes(role: Role, kind: DataKind) -> bool {
    match kind {
        DataKind::Demographics => role.is_clinical() || matches!(role, Role::Receptionist),
        DataKind::Diagnoses | DataKind::Medications => matches!(role, Role::Doctor),
        DataKind::Notes => matches!(role, Role::Doctor),
        DataKind::Allergies | DataKind::Vitals => role.is_clinical(),
        DataKind::Messages | DataKind::Files | DataKind::Calls => {
            matches!(role, Role::Doctor | Role::Nurse | Role::Assistant)
        }
    }
}
