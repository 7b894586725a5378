//! The rules about patients' records once more, independently: predicates over plain facts, written from the table in
//! `access::decision`, without its code. Tests compare the two; where they differ, one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};

use access::decision::Action;
use kernel::Role;
use model::consent::{Channel, DataKind, Purpose};

/// Someone who asks.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// The user id.
    pub(crate) name: String,
    /// What the person is in the clinic.
    pub(crate) role: Role,
    /// Whether an admin has verified the account.
    pub(crate) verified: bool,
}

/// What is known of a patient's record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The patient's account.
    pub(crate) owner: Option<String>,
    /// Whether the record is deleted.
    pub(crate) is_deleted: bool,
    /// Whether the patient is of age.
    pub(crate) is_of_age: bool,
    /// Who made the record.
    pub(crate) creators: BTreeSet<String>,
    /// Who is assigned to the patient.
    pub(crate) assigned: BTreeSet<String>,
    /// The Care Team chats about the patient that each is in.
    pub(crate) teams: BTreeMap<String, BTreeSet<String>>,
    /// The consents.
    pub(crate) papers: Vec<Paper>,
    /// The emergencies.
    pub(crate) emergencies: Vec<Alarm>,
}

/// A consent.
#[derive(Debug, Clone)]
pub(crate) struct Paper {
    /// Its id.
    pub(crate) id: String,
    /// To whom.
    pub(crate) to: To,
    /// About what.
    pub(crate) about: About,
    /// For what.
    pub(crate) purposes: Vec<Purpose>,
    /// Over which channels the patient may be reached.
    pub(crate) channels: Vec<Channel>,
    /// Whether calls may be recorded.
    pub(crate) recording: bool,
    /// Whether an AI may be used.
    pub(crate) ai: bool,
    /// Whether the holder acts for the patient.
    pub(crate) stands_in: StandsIn,
    /// From when, in milliseconds.
    pub(crate) from: i64,
    /// Until when.
    pub(crate) until: Option<i64>,
    /// Whether it was taken back.
    pub(crate) is_revoked: bool,
}

/// To whom a consent is given.
#[derive(Debug, Clone)]
pub(crate) enum To {
    /// To one person.
    Person(String),
    /// To a role.
    Role(Role),
    /// To staff with a care relationship.
    CareTeam,
}

/// What a consent is about.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// Everything.
    All,
    /// Parts.
    Kinds(Vec<DataKind>),
    /// One chat.
    Chat(String),
}

/// For whom the holder of a consent acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandsIn {
    /// For nobody else.
    No,
    /// For an adult.
    ForAdult,
    /// For a child.
    ForChild,
}

/// An emergency access.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    /// Its id.
    pub(crate) id: String,
    /// Whose.
    pub(crate) who: String,
    /// From when, in milliseconds.
    pub(crate) from: i64,
    /// Until when.
    pub(crate) until: i64,
}

/// The parts of a chart by letter, for the tables below.
const LETTERS: [(char, DataKind); 9] = [
    ('D', DataKind::Demographics),
    ('X', DataKind::Diagnoses),
    ('M', DataKind::Medications),
    ('A', DataKind::Allergies),
    ('V', DataKind::Vitals),
    ('N', DataKind::Notes),
    ('C', DataKind::Messages),
    ('F', DataKind::Files),
    ('L', DataKind::Calls),
];

/// What each role sees and changes in care.
const IN_CARE: [(Role, &str, &str); 10] = [
    (Role::SuperAdmin, "DXMAVNCFL", ""),
    (Role::ClinicAdmin, "DXMAVNCFL", ""),
    (Role::Admin, "DXMAVNCFL", ""),
    (Role::Doctor, "DXMAVNCFL", "DXMAVNCFL"),
    (Role::Nurse, "DXMAVNCFL", "DAVCFL"),
    (Role::Assistant, "DXMAVNCFL", "DAVCFL"),
    (Role::Pharmacist, "DXMAV", "DAV"),
    (Role::Receptionist, "D", "D"),
    (Role::Patient, "", ""),
    (Role::Family, "", ""),
];

fn has(letters: &str, kind: DataKind) -> bool {
    LETTERS.iter().any(|(letter, named)| *named == kind && letters.contains(*letter))
}

fn sees(role: Role, kind: DataKind) -> bool {
    IN_CARE.iter().any(|(named, letters, _)| *named == role && has(letters, kind))
}

fn changes(role: Role, kind: DataKind) -> bool {
    IN_CARE.iter().any(|(named, _, letters)| *named == role && has(letters, kind))
}

fn works_here(role: Role) -> bool {
    !matches!(role, Role::Patient | Role::Family)
}

fn runs_the_clinic(role: Role) -> bool {
    [Role::SuperAdmin, Role::ClinicAdmin, Role::Admin].contains(&role)
}

fn treats(role: Role) -> bool {
    works_here(role) && !runs_the_clinic(role) && role != Role::Receptionist
}

/// What staff with a reason to care may do.
fn a_carer_may(role: Role, action: &Action) -> bool {
    match action {
        Action::Read(kind) => sees(role, *kind),
        Action::Write(kind) => changes(role, *kind),
        Action::Chat(_) => works_here(role),
        Action::SeeAccess => treats(role),
        _ => false,
    }
}

/// What a patient may do with the own record.
fn a_patient_may(action: &Action) -> bool {
    match action {
        Action::Write(kind) => has("DX", *kind),
        Action::Read(_) | Action::Chat(_) | Action::Consent | Action::SeeAccess => true,
        _ => false,
    }
}

/// What those who run the clinic may do with any record.
fn an_admin_may(action: &Action) -> bool {
    match action {
        Action::Write(kind) => has("D", *kind),
        Action::Read(_) | Action::Chat(_) | Action::SeeAccess | Action::Delete => true,
        _ => false,
    }
}

impl Paper {
    fn counts(&self, now: i64) -> bool {
        !self.is_revoked && now >= self.from && self.until.is_none_or(|until| until > now)
    }

    fn is_for(&self, person: &Person, facts: &Facts) -> bool {
        match &self.to {
            To::Person(name) => *name == person.name,
            To::Role(role) => *role == person.role,
            To::CareTeam => !ties(person, facts).is_empty(),
        }
    }

    fn has_kind(&self, kind: DataKind) -> bool {
        match &self.about {
            About::All => true,
            About::Kinds(kinds) => kinds.contains(&kind),
            About::Chat(_) => false,
        }
    }

    fn has_chat(&self, chat: &str) -> bool {
        match &self.about {
            About::Chat(named) => named == chat,
            _ => self.has_kind(DataKind::Messages),
        }
    }

    fn lets(&self, person: &Person, action: &Action, purpose: Purpose) -> bool {
        if !self.purposes.contains(&purpose) {
            return false;
        }
        if self.stands_in != StandsIn::No {
            let reaches = match action {
                Action::Read(kind) | Action::Write(kind) => self.has_kind(*kind),
                Action::Chat(chat) => self.has_chat(chat.as_str()),
                _ => matches!(self.about, About::All),
            };
            return reaches && a_patient_may(action);
        }
        match action {
            Action::Read(kind) => self.has_kind(*kind) && (sees(person.role, *kind) || !works_here(person.role)),
            Action::Write(kind) => {
                let cares = [Purpose::Treatment, Purpose::CareCoordination].contains(&purpose);
                cares && self.has_kind(*kind) && changes(person.role, *kind)
            }
            Action::Chat(chat) => self.has_chat(chat.as_str()),
            Action::UseAi(Some(chat)) => self.ai && self.has_chat(chat.as_str()),
            Action::UseAi(None) => self.ai && self.has_kind(DataKind::Notes),
            Action::Record(chat) => {
                let in_chat = chat.as_ref().is_some_and(|chat| self.has_chat(chat.as_str()));
                self.recording && (in_chat || self.has_kind(DataKind::Calls))
            }
            Action::Contact(channel) => self.channels.contains(channel),
            Action::Consent | Action::SeeAccess | Action::Delete => false,
        }
    }
}

/// The care relationships of a person, as reasons.
fn ties(person: &Person, facts: &Facts) -> BTreeSet<String> {
    let mut ties = BTreeSet::new();
    if works_here(person.role) {
        if facts.creators.contains(&person.name) {
            ties.insert("created".to_owned());
        }
        if facts.assigned.contains(&person.name) {
            ties.insert("assigned".to_owned());
        }
        let chats = facts.teams.get(&person.name).into_iter().flatten();
        ties.extend(chats.map(|chat| format!("care-team-chat:{chat}")));
    }
    ties
}

/// All that allows it.
fn reasons(person: &Person, facts: &Facts, action: &Action, purpose: Purpose, now: i64) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    if facts.owner.as_ref() == Some(&person.name) && a_patient_may(action) {
        reasons.insert("own-record".to_owned());
    }
    if [Purpose::Treatment, Purpose::CareCoordination].contains(&purpose) && a_carer_may(person.role, action) {
        reasons.extend(ties(person, facts));
    }
    for paper in alive(person, facts, now) {
        if paper.lets(person, action, purpose) {
            let word = if paper.stands_in == StandsIn::No { "consent" } else { "proxy" };
            reasons.insert(format!("{word}:{}", paper.id));
        }
    }
    for alarm in ringing(person, facts, now) {
        if purpose == Purpose::Treatment && a_carer_may(person.role, action) {
            reasons.insert(format!("break-glass:{}", alarm.id));
        }
    }
    if runs_the_clinic(person.role) && purpose != Purpose::Research && an_admin_may(action) {
        reasons.insert("admin".to_owned());
    }
    reasons
}

fn alive<'a>(person: &'a Person, facts: &'a Facts, now: i64) -> impl Iterator<Item = &'a Paper> {
    let grown = move |paper: &Paper| paper.stands_in == StandsIn::ForChild && facts.is_of_age;
    let papers = facts.papers.iter();
    papers.filter(move |paper| paper.counts(now) && paper.is_for(person, facts) && !grown(paper))
}

fn ringing<'a>(person: &'a Person, facts: &'a Facts, now: i64) -> impl Iterator<Item = &'a Alarm> {
    let alarms = facts.emergencies.iter();
    alarms.filter(move |a| treats(person.role) && a.who == person.name && a.from <= now && now < a.until)
}

/// May this person do this, and why: the reasons' codes, or the refusal's.
pub(crate) fn answer(
    person: &Person,
    facts: &Facts,
    action: &Action,
    purpose: Purpose,
    now: i64,
) -> Result<BTreeSet<String>, &'static str> {
    if works_here(person.role) && !person.verified {
        return Err("unverified");
    }
    if facts.is_deleted {
        return Err("deleted");
    }
    let found = reasons(person, facts, action, purpose, now);
    if !found.is_empty() {
        return Ok(found);
    }
    let is_tied = facts.owner.as_ref() == Some(&person.name)
        || !ties(person, facts).is_empty()
        || alive(person, facts, now).next().is_some()
        || ringing(person, facts, now).next().is_some()
        || runs_the_clinic(person.role);
    let otherwise = || Purpose::ALL.into_iter().any(|other| !reasons(person, facts, action, other, now).is_empty());
    Err(match action {
        Action::UseAi(_) => "no-ai-consent",
        Action::Record(_) => "no-recording-consent",
        Action::Contact(_) => "no-channel-consent",
        _ if !is_tied => "no-ground",
        _ if otherwise() => "other-purpose",
        _ => "not-covered",
    })
}
