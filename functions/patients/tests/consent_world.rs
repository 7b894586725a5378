//! A world of people, records, consents, relationships and emergencies, in which things happen by chance over HTTP, held
//! against the independent statement of the rules: what is shown, allowed, refused and explained is what they say, at
//! every step.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says what it did")]

#[path = "../../../shared/access/tests/rules/mod.rs"]
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use access::decision::Action;
use charts::ChartPlaces;
use kernel::{ChatId, PatientId, Phi, RandomExt, Role};
use model::chat::ChatType;
use model::consent::{Channel, DataKind, Purpose};
use model::patient::Assigned;
use serde_json::{Value, json};
use testkit::{SeededRandom, TestApp, TestUser};
use vault::Subject;

use crate::rules::{About, Alarm, Facts, Paper, Person, StandsIn, To, answer};

/// How many decisions are compared.
const CASES: usize = 10_000;
/// How many are explained after each thing that happens.
const EXPLAINED: usize = 18;
/// What chance begins with.
const SEED: u64 = 20_260_115;

/// Somebody of this world.
struct Somebody {
    person: Person,
    user: TestUser,
}

/// A record of this world, with what is known of it.
struct Chart {
    id: PatientId,
    chats: Vec<ChatId>,
    facts: Facts,
    /// When the patient comes of age, in milliseconds.
    of_age_at: i64,
    /// Who gave the consents, by their ids; those that are not there the clinic made.
    givers: BTreeMap<String, String>,
}

struct World {
    app: TestApp,
    random: SeededRandom,
    people: Vec<Somebody>,
    charts: Vec<Chart>,
    decided: usize,
    seen: BTreeMap<&'static str, usize>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_of_consents_keeps_to_the_rules() {
    let mut world = World::new().await;
    while world.decided < CASES {
        world.something_happens().await;
        for _ in 0..EXPLAINED {
            world.explain().await;
        }
        world.read_a_chart().await;
        world.list_patients().await;
    }
    eprintln!("{} decisions compared, none differs; seed {SEED}; what happened: {:?}", world.decided, world.seen);
    for what in ["granted", "revoked", "declared", "passed", "assigned", "joined", "read", "refused-read"] {
        assert!(world.seen.get(what).is_some_and(|count| *count >= 10), "{what}: {:?}", world.seen);
    }
}

impl World {
    async fn new() -> Self {
        let app = TestApp::on_sqlite(vec![patients::function()]).await;
        let roles = [
            (Role::Doctor, true),
            (Role::Doctor, true),
            (Role::Nurse, true),
            (Role::Nurse, false),
            (Role::Pharmacist, true),
            (Role::Receptionist, true),
            (Role::Admin, true),
            (Role::Patient, true),
            (Role::Patient, true),
            (Role::Family, true),
            (Role::Family, true),
        ];
        let mut people = Vec::new();
        for (role, verified) in roles {
            let user = app.user_verified(role, role.name(), verified).await;
            people.push(Somebody { person: Person { name: user.id.to_string(), role, verified }, user });
        }
        let mut charts = Vec::new();
        for (creator, owner, born) in [(0, Some(7), "1985-03-15"), (2, Some(8), "1990-01-01"), (1, None, "2008-01-16")]
        {
            let (creator, owner): (&Somebody, Option<&Somebody>) = (&people[creator], owner.map(|n: usize| &people[n]));
            charts.push(chart(&app, creator, owner, born).await);
        }
        let mut world =
            Self { app, random: SeededRandom::new(SEED), people, charts, decided: 0, seen: BTreeMap::new() };
        // The clinic has tied a guardian to the child.
        world.tie_guardian(9, 2).await;
        world
    }

    fn below(&self, bound: usize) -> usize {
        self.random.below(u32::try_from(bound).unwrap()) as usize
    }

    /// Whether something that is so often so in a hundred is so.
    fn often(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn some_of<T: Copy>(&self, all: &[T]) -> Vec<T> {
        let mut some: Vec<T> = all.iter().copied().filter(|_| self.often(40)).collect();
        if some.is_empty() {
            some.push(self.one_of(all));
        }
        some
    }

    fn now(&self) -> i64 {
        self.app.app.now().as_millis()
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// What the rules say.
    fn rule(
        &self,
        who: usize,
        chart: usize,
        action: &Action,
        purpose: Purpose,
    ) -> Result<BTreeSet<String>, &'static str> {
        let Chart { facts, of_age_at, .. } = &self.charts[chart];
        let facts = Facts { is_of_age: self.now() >= *of_age_at, ..facts.clone() };
        answer(&self.people[who].person, &facts, action, purpose, self.now())
    }

    /// The status with which something refused is answered: who may not know of the patient learns nothing.
    fn status(&self, who: usize, chart: usize, refusal: &str) -> u16 {
        let knows = self.rule(who, chart, &Action::Read(DataKind::Demographics), Purpose::Treatment).is_ok();
        if refusal == "unverified" || knows { 403 } else { 404 }
    }

    async fn something_happens(&mut self) {
        match self.below(100) {
            0..30 => self.grant().await,
            30..50 => self.revoke().await,
            50..65 => self.relate().await,
            65..82 => self.break_glass().await,
            _ => self.time_passes().await,
        }
    }

    /// Somebody with a record: most often one who may give consents about it.
    fn someone_and_a_chart(&self) -> (usize, usize) {
        let at = self.below(self.charts.len());
        let may = |who: &usize| self.rule(*who, at, &Action::Consent, Purpose::Treatment).is_ok();
        let able: Vec<usize> = (0..self.people.len()).filter(may).collect();
        if able.is_empty() || self.often(30) { (self.below(self.people.len()), at) } else { (self.one_of(&able), at) }
    }

    async fn grant(&mut self) {
        let (who, at) = self.someone_and_a_chart();
        let body = self.some_consent(at);
        let path = format!("/api/v1/patients/{}/consents", self.charts[at].id);
        let answer = self.app.post(&path).by(&self.people[who].user).json(&body).send().await;
        self.decided += 1;
        match self.rule(who, at, &Action::Consent, Purpose::Treatment) {
            Err(refusal) => assert_eq!(answer.status.as_u16(), self.status(who, at, refusal), "{refusal}: {body}"),
            Ok(_) if answer.status.as_u16() == 400 => self.count("refused-grant"),
            Ok(reasons) => {
                assert_eq!(answer.status.as_u16(), 201, "{body}: {}", answer.body);
                let paper = paper(&answer.body);
                self.nobody_gave_more_than_they_have(at, &paper, &reasons);
                self.charts[at].givers.insert(paper.id.clone(), self.people[who].person.name.clone());
                self.charts[at].facts.papers.push(paper);
                self.count("granted");
            }
        }
    }

    fn nobody_gave_more_than_they_have(&self, at: usize, paper: &Paper, reasons: &BTreeSet<String>) {
        if reasons.contains("own-record") {
            return;
        }
        assert_ne!(paper.stands_in, StandsIn::ForAdult, "only adults let others act for them: {paper:?}");
        let papers = self.charts[at].facts.papers.iter();
        let held: Vec<&Paper> = papers.filter(|held| reasons.contains(&format!("proxy:{}", held.id))).collect();
        let has = |purpose| held.iter().any(|held| held.purposes.contains(purpose));
        assert!(paper.purposes.iter().all(has), "{paper:?} by {held:?}");
    }

    /// A consent as somebody may ask for it.
    fn some_consent(&self, at: usize) -> Value {
        let to = match self.below(10) {
            0 => json!({"type": "care-team"}),
            1..3 => json!({"type": "role", "role": self.one_of(&[Role::Doctor, Role::Nurse, Role::Pharmacist])}),
            _ => json!({"type": "user", "userId": self.people[self.below(self.people.len())].user.id}),
        };
        let about = match self.below(4) {
            0 => json!({"type": "chat", "chatId": self.charts[at].chats[self.below(2)]}),
            1 | 2 => json!({"type": "kinds", "kinds": self.some_of(&DataKind::ALL)}),
            _ => json!({"type": "whole-chart"}),
        };
        let later = |minutes: usize| self.app.app.now().plus(Duration::from_secs(60 * minutes as u64));
        let mut body = json!({"grantee": to, "scope": about, "purposes": self.some_of(&Purpose::ALL)});
        if self.often(30) {
            body["from"] = json!(later(1 + self.below(60)));
        }
        if self.often(50) {
            body["until"] = json!(later(61 + self.below(400)));
        }
        if self.often(30) {
            body["proxy"] = json!(true);
        } else {
            body["channels"] = json!(self.some_of(&Channel::ALL));
            (body["recording"], body["aiUse"]) = (json!(self.often(50)), json!(self.often(50)));
        }
        body
    }

    async fn revoke(&mut self) {
        let (who, at) = self.someone_and_a_chart();
        let papers = &self.charts[at].facts.papers;
        if papers.is_empty() {
            return;
        }
        let which = self.below(papers.len());
        let path = format!("/api/v1/patients/{}/consents/{}", self.charts[at].id, papers[which].id);
        let status = self.app.delete(&path).by(&self.people[who].user).send().await.status.as_u16();
        self.decided += 1;
        match self.rule(who, at, &Action::Consent, Purpose::Treatment) {
            _ if self.may_revoke(who, at, which) => {
                assert_eq!(status, 204);
                self.charts[at].facts.papers[which].is_revoked = true;
                self.count("revoked");
            }
            Err(refusal) => assert_eq!(status, self.status(who, at, refusal), "{refusal}"),
            Ok(_) => {
                assert_eq!(status, 403);
                self.count("not-theirs-to-revoke");
            }
        }
    }

    /// The patient revokes all but a guardianship that the clinic made, which the clinicians in care end; who acts for
    /// the patient revokes what they gave and what was given to them.
    fn may_revoke(&self, who: usize, at: usize, which: usize) -> bool {
        let Person { name, role, .. } = &self.people[who].person;
        let paper = &self.charts[at].facts.papers[which];
        let reasons = |action: &Action| self.rule(who, at, action, Purpose::Treatment).unwrap_or_default();
        let Some(giver) = self.charts[at].givers.get(&paper.id) else {
            let in_care = ["created", "assigned", "care-team-chat"];
            let staff = reasons(&Action::Write(DataKind::Demographics));
            return role.is_clinical()
                && staff.iter().any(|reason| in_care.iter().any(|care| reason.starts_with(care)));
        };
        let reasons = reasons(&Action::Consent);
        let is_theirs = giver == name || matches!(&paper.to, To::Person(person) if person == name);
        reasons.contains("own-record") || (!reasons.is_empty() && is_theirs)
    }

    /// Somebody is assigned to a patient or no more, or comes into or out of a Care Team chat.
    async fn relate(&mut self) {
        let (who, at) = (self.below(self.people.len()), self.below(self.charts.len()));
        let (user, name) = (self.people[who].user.id.clone(), self.people[who].person.name.clone());
        let id = self.charts[at].id.clone();
        if self.often(50) {
            let assigned = Assigned { by: user.clone(), at: self.app.app.now() };
            let assigned = (!self.charts[at].facts.assigned.contains(&name)).then_some(assigned);
            self.app
                .change_patient(&id, |patient| {
                    patient.relate(&user, |relation| relation.assigned.clone_from(&assigned));
                })
                .await;
            toggle(&mut self.charts[at].facts.assigned, name);
            self.count("assigned");
        } else {
            let chat = self.charts[at].chats[self.below(2)].clone();
            self.app
                .change_patient(&id, |patient| {
                    patient.relate(&user, |relation| toggle(&mut relation.chats, chat.clone()))
                })
                .await;
            toggle(self.charts[at].facts.teams.entry(name).or_default(), chat.to_string());
            self.count("joined");
        }
    }

    async fn break_glass(&mut self) {
        let (who, at) = (self.below(self.people.len()), self.below(self.charts.len()));
        let minutes = 1 + self.below(240);
        let body = json!({"reason": "Somebody fell and does not answer.", "minutes": minutes});
        let path = format!("/api/v1/patients/{}/break-glass", self.charts[at].id);
        let Somebody { person, user } = &self.people[who];
        let answer = self.app.post(&path).by(user).json(&body).send().await;
        self.decided += 1;
        let now = self.now();
        let runs = |alarm: &Alarm| alarm.who == person.name && now < alarm.until;
        let is_clinician = matches!(person.role, Role::Doctor | Role::Nurse | Role::Assistant | Role::Pharmacist);
        let expected = match () {
            () if !person.verified || !is_clinician => 403,
            () if self.charts[at].facts.emergencies.iter().any(runs) => 409,
            () => 201,
        };
        assert_eq!(answer.status.as_u16(), expected, "{}", answer.body);
        if expected == 201 {
            let until = now + i64::try_from(minutes).unwrap() * 60_000;
            let id = answer.body["id"].as_str().unwrap().to_owned();
            self.charts[at].facts.emergencies.push(Alarm {
                id,
                who: self.people[who].person.name.clone(),
                from: now,
                until,
            });
            self.count("declared");
        }
    }

    async fn time_passes(&mut self) {
        let minutes = 1 + self.below(90);
        self.app.clock.advance(Duration::from_secs(60 * minutes as u64));
        for somebody in &mut self.people {
            somebody.user = self.app.sign_in_again(&somebody.user).await;
        }
        self.count("passed");
    }

    /// An admin asks whether somebody may do something, and why.
    async fn explain(&mut self) {
        let (who, at) = (self.below(self.people.len()), self.below(self.charts.len()));
        let purpose = if self.often(60) { Purpose::Treatment } else { self.one_of(&Purpose::ALL) };
        let (action, mut question) = self.some_question(at);
        question["userId"] = json!(self.people[who].user.id);
        question["purpose"] = json!(purpose);
        let path = format!("/api/v1/patients/{}/consents/explain", self.charts[at].id);
        let explained = self.app.post(&path).by(&self.people[6].user).json(&question).expect(200).await;
        let expected = match self.rule(who, at, &action, purpose) {
            Ok(reasons) => (true, reasons, Value::Null),
            Err(refusal) => (false, BTreeSet::new(), json!(refusal)),
        };
        let reasons = explained["reasons"].as_array().unwrap().iter().map(code).collect();
        let found = (explained["allowed"].as_bool().unwrap(), reasons, explained["refusal"]["code"].clone());
        assert_eq!(found, expected, "{question} of {:?}: {:?}", self.people[who].person, self.charts[at].facts);
        self.decided += 1;
        self.count(if found.0 { "allowed" } else { "denied" });
    }

    fn some_question(&self, at: usize) -> (Action, Value) {
        let kind = self.one_of(&DataKind::ALL);
        let chat = self.charts[at].chats[self.below(2)].clone();
        match self.below(10) {
            0..3 => (Action::Read(kind), json!({"action": "read", "kind": kind})),
            3 => (Action::Write(kind), json!({"action": "write", "kind": kind})),
            4 => (Action::Chat(chat.clone()), json!({"action": "chat", "chatId": chat})),
            5 => (Action::UseAi(Some(chat.clone())), json!({"action": "use-ai", "chatId": chat})),
            6 => (Action::Record(None), json!({"action": "record"})),
            7 => {
                let channel = self.one_of(&Channel::ALL);
                (Action::Contact(channel), json!({"action": "contact", "channel": channel}))
            }
            8 => (Action::Consent, json!({"action": "consent"})),
            _ => (Action::SeeAccess, json!({"action": "see-access"})),
        }
    }

    /// Somebody opens a chart: the parts shown are those that may be read.
    async fn read_a_chart(&mut self) {
        let (who, at) = (self.below(self.people.len()), self.below(self.charts.len()));
        let purpose = self.one_of(&Purpose::ALL);
        let path = format!("/api/v1/patients/{}", self.charts[at].id);
        let get = self.app.get(&path).by(&self.people[who].user).header("x-purpose", purpose.name());
        let answer = get.send().await;
        self.decided += 1;
        match self.rule(who, at, &Action::Read(DataKind::Demographics), purpose) {
            Err(refusal) => {
                let expected = if refusal == "unverified" { 403 } else { 404 };
                assert_eq!(answer.status.as_u16(), expected, "{refusal}: {}", answer.body);
                self.count("refused-read");
            }
            Ok(_) => {
                assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
                for kind in [DataKind::Diagnoses, DataKind::Medications, DataKind::Allergies, DataKind::Vitals] {
                    let may = self.rule(who, at, &Action::Read(kind), purpose).is_ok();
                    let is_withheld = answer.body["withheld"].as_array().unwrap().contains(&json!(kind));
                    assert_eq!((may, answer.body[kind.name()].is_null()), (!is_withheld, is_withheld), "{kind:?}");
                    self.decided += 1;
                }
                self.count("read");
            }
        }
    }

    /// Somebody lists the patients there are: those whose identity may be read, and no others.
    async fn list_patients(&mut self) {
        let who = self.below(self.people.len());
        let purpose = self.one_of(&Purpose::ALL);
        let get = self.app.get("/api/v1/patients").by(&self.people[who].user).header("x-purpose", purpose.name());
        let answer = get.send().await;
        if !self.people[who].person.verified {
            assert_eq!(answer.status.as_u16(), 403);
            return;
        }
        let listed = answer.body["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        let listed: BTreeSet<String> = listed.collect();
        let may_see = |at: &usize| self.rule(who, *at, &Action::Read(DataKind::Demographics), purpose).is_ok();
        let expected = (0..self.charts.len()).filter(may_see).map(|at| self.charts[at].id.to_string()).collect();
        assert_eq!(listed, expected, "{:?} for {purpose:?}", self.people[who].person);
        assert_eq!(answer.body["pagination"]["total"], listed.len());
        self.decided += self.charts.len();
        self.count("listed");
    }

    async fn tie_guardian(&mut self, who: usize, at: usize) {
        let path = format!("/api/v1/patients/{}/link-user", self.charts[at].id);
        let invited = json!({"relationship": "guardian"});
        let made = self.app.post(&path).by(&self.people[1].user).json(&invited).expect(201).await;
        let code = json!({"code": made["code"]});
        let tied = self.app.post(&path).by(&self.people[who].user).json(&code).expect(200).await;
        let from = self.now();
        self.charts[at].facts.papers.push(Paper {
            id: tied["consentId"].as_str().unwrap().to_owned(),
            to: To::Person(self.people[who].person.name.clone()),
            about: About::All,
            purposes: vec![Purpose::Treatment, Purpose::CareCoordination, Purpose::Billing],
            channels: Vec::new(),
            recording: false,
            ai: false,
            stands_in: StandsIn::ForChild,
            from,
            until: None,
            is_revoked: false,
        });
    }
}

/// A record that `creator` made, of somebody born on this day, with two chats about the patient.
async fn chart(app: &TestApp, creator: &Somebody, owner: Option<&Somebody>, born: &str) -> Chart {
    let id = app.patient(&creator.user, "Pat").await;
    let key = app.app.vault.key(&app.store, &Subject::Patient(id.clone())).await.unwrap();
    let sealed = key.seal(&ChartPlaces::of(&app.tenant, &id).date_of_birth(), &Phi::new(born.to_owned()));
    app.change_patient(&id, |patient| patient.date_of_birth = sealed.clone()).await;
    if let Some(owner) = owner {
        app.link(&id, &owner.user.id).await;
    }
    let mut chats = Vec::new();
    for _ in 0..2 {
        chats.push(app.chat(ChatType::Direct, Some(id.clone()), &[&creator.user.id]).await);
    }
    let (year, rest) = born.split_once('-').unwrap();
    let of_age: kernel::Time = format!("{}-{rest}T00:00:00Z", year.parse::<u32>().unwrap() + 18).parse().unwrap();
    let facts = Facts {
        owner: owner.map(|owner| owner.person.name.clone()),
        creators: BTreeSet::from([creator.person.name.clone()]),
        ..Facts::default()
    };
    Chart { id, chats, facts, of_age_at: of_age.as_millis(), givers: BTreeMap::new() }
}

/// A consent that was given, as the answer tells of it.
fn paper(given: &Value) -> Paper {
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let at = |value: &Value| read::<Option<kernel::Time>>(value).map(kernel::Time::as_millis);
    Paper {
        id: text(&given["id"]),
        to: match given["grantee"]["type"].as_str().unwrap() {
            "user" => To::Person(text(&given["grantee"]["userId"])),
            "role" => To::Role(read(&given["grantee"]["role"])),
            _ => To::CareTeam,
        },
        about: match given["scope"]["type"].as_str().unwrap() {
            "chat" => About::Chat(text(&given["scope"]["chatId"])),
            "kinds" => About::Kinds(read(&given["scope"]["kinds"])),
            _ => About::All,
        },
        purposes: read(&given["purposes"]),
        channels: read(&given["channels"]),
        recording: read(&given["recording"]),
        ai: read(&given["aiUse"]),
        stands_in: match given["proxy"].as_str() {
            None => StandsIn::No,
            Some("adult") => StandsIn::ForAdult,
            Some(_) => StandsIn::ForChild,
        },
        from: at(&given["from"]).unwrap(),
        until: at(&given["until"]),
        is_revoked: false,
    }
}

/// An explained reason as the rules name it.
fn code(reason: &Value) -> String {
    let code = reason["code"].as_str().unwrap();
    let ids = ["consentId", "chatId", "emergencyId"].into_iter().filter_map(|field| reason[field].as_str());
    ids.fold(code.to_owned(), |code, id| format!("{code}:{id}"))
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, one: T) {
    if !set.remove(&one) {
        set.insert(one);
    }
}
