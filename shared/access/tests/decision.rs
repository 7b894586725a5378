//! The one decision against an independent statement of the same rules: on 10,000 drawn cases, and row by row.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use access::decision::{Action, Asker, Decision, Reason, Record, decide};
use kernel::{ChatId, Role, Time, UserId};
use model::consent::{Channel, Consent, DataKind, Grantee, Proxy, Purpose, Revoked, Scope};
use model::patient::{Assigned, Circle, Emergency};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::rules::{About, Alarm, Facts, Paper, Person, StandsIn, To, answer};

const PEOPLE: [&str; 4] = ["ann", "ben", "cho", "dee"];
const CHATS: [&str; 3] = ["c1", "c2", "c3"];
/// The time of every question; what is drawn begins and ends around it.
const NOW: i64 = 5;

/// A question with what it rests on.
#[derive(Debug, Clone)]
struct Case {
    person: Person,
    facts: Facts,
    action: Action,
    purpose: Purpose,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The circle that says the same as the facts.
fn circle(facts: &Facts) -> Circle {
    let mut circle = Circle::default();
    for name in &facts.creators {
        circle.relations.entry(id(name)).or_default().created = true;
    }
    for name in &facts.assigned {
        let assigned = Assigned { by: id("boss"), at: Time::from_millis(0) };
        circle.relations.entry(id(name)).or_default().assigned = Some(assigned);
    }
    for (name, chats) in &facts.teams {
        circle.relations.entry(id(name)).or_default().chats = chats.iter().map(|chat| id(chat)).collect();
    }
    circle.consents = facts.papers.iter().map(consent).collect();
    let emergency = |alarm: &Alarm| Emergency {
        id: id(&alarm.id),
        user_id: id(&alarm.who),
        from: Time::from_millis(alarm.from),
        until: Time::from_millis(alarm.until),
    };
    circle.emergencies = facts.emergencies.iter().map(emergency).collect();
    circle
}

fn consent(paper: &Paper) -> Consent {
    Consent {
        id: id(&paper.id),
        grantee: match &paper.to {
            To::Person(name) => Grantee::User { user_id: id(name) },
            To::Role(role) => Grantee::Role { role: *role },
            To::CareTeam => Grantee::CareTeam,
        },
        scope: match &paper.about {
            About::All => Scope::WholeChart,
            About::Kinds(kinds) => Scope::Kinds { kinds: kinds.clone() },
            About::Chat(chat) => Scope::Chat { chat_id: id(chat) },
        },
        purposes: paper.purposes.clone(),
        channels: paper.channels.clone(),
        recording: paper.recording,
        ai_use: paper.ai,
        proxy: match paper.stands_in {
            StandsIn::No => None,
            StandsIn::ForAdult => Some(Proxy::Adult),
            StandsIn::ForChild => Some(Proxy::Minor),
        },
        from: Time::from_millis(paper.from),
        until: paper.until.map(Time::from_millis),
        granted_by: id("pat"),
        granted_at: Time::from_millis(0),
        revoked: paper.is_revoked.then(|| Revoked { at: Time::from_millis(1), by: id("pat") }),
    }
}

/// What the decision says, in the model's words.
fn decided(case: &Case) -> Result<BTreeSet<String>, &'static str> {
    let user: UserId = id(&case.person.name);
    let owner: Option<UserId> = case.facts.owner.as_deref().map(id);
    let circle = circle(&case.facts);
    let asker = Asker { user: &user, role: case.person.role, verified: case.person.verified };
    let record = Record {
        user_id: owner.as_ref(),
        circle: &circle,
        is_deleted: case.facts.is_deleted,
        is_of_age: case.facts.is_of_age,
    };
    match decide(asker, record, &case.action, case.purpose, Time::from_millis(NOW)) {
        Decision::Allow(reasons) => Ok(reasons.iter().map(Reason::code).collect()),
        Decision::Deny(refusal) => Err(refusal.code()),
    }
}

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    subsequence(names.to_vec(), 0..=1).prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

fn action() -> impl Strategy<Value = Action> {
    let chat = || select(&CHATS[..]).prop_map(id::<ChatId>);
    prop_oneof![
        4 => select(&DataKind::ALL[..]).prop_map(Action::Read),
        4 => select(&DataKind::ALL[..]).prop_map(Action::Write),
        3 => chat().prop_map(Action::Chat),
        2 => proptest::option::of(chat()).prop_map(Action::UseAi),
        2 => proptest::option::of(chat()).prop_map(Action::Record),
        2 => select(&Channel::ALL[..]).prop_map(Action::Contact),
        1 => Just(Action::Consent),
        1 => Just(Action::SeeAccess),
        1 => Just(Action::Delete),
    ]
}

fn paper() -> impl Strategy<Value = Paper> {
    let to = prop_oneof![
        5 => select(&PEOPLE[..2]).prop_map(|name| To::Person(name.to_owned())),
        3 => select(&Role::ALL[..]).prop_map(To::Role),
        2 => Just(To::CareTeam),
    ];
    let about = prop_oneof![
        2 => Just(About::All),
        2 => subsequence(&DataKind::ALL[..], 1..=5).prop_map(About::Kinds),
        1 => select(&CHATS[..]).prop_map(|chat| About::Chat(chat.to_owned())),
    ];
    let stands_in = prop_oneof![3 => Just(StandsIn::No), 1 => Just(StandsIn::ForAdult), 1 => Just(StandsIn::ForChild)];
    (
        (to, about, stands_in),
        (subsequence(&Purpose::ALL[..], 1..=4), subsequence(&Channel::ALL[..], 0..=4)),
        (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1)),
        (NOW - 3..=NOW + 1, proptest::option::weighted(0.4, NOW - 1..=NOW + 3)),
    )
        .prop_map(|((to, about, stands_in), (purposes, channels), (recording, ai, is_revoked), (from, until))| {
            Paper {
                id: String::new(),
                to,
                about,
                purposes,
                channels,
                recording,
                ai,
                stands_in,
                from,
                until,
                is_revoked,
            }
        })
}

fn facts() -> impl Strategy<Value = Facts> {
    let alarm = (select(&PEOPLE[..2]), NOW - 2..=NOW + 1, NOW - 1..=NOW + 2).prop_map(|(who, from, until)| Alarm {
        id: String::new(),
        who: who.to_owned(),
        from,
        until,
    });
    (
        (proptest::option::weighted(0.5, select(&PEOPLE[..])), prop::bool::weighted(0.05), any::<bool>()),
        (some_of(&PEOPLE), some_of(&PEOPLE), proptest::option::of((select(&PEOPLE[..]), some_of(&CHATS)))),
        prop::collection::vec(paper(), 0..5),
        prop::collection::vec(alarm, 0..3),
    )
        .prop_map(|((owner, is_deleted, is_of_age), (creators, assigned, team), mut papers, mut emergencies)| {
            papers.iter_mut().enumerate().for_each(|(n, paper)| paper.id = format!("k{n}"));
            emergencies.iter_mut().enumerate().for_each(|(n, alarm)| alarm.id = format!("e{n}"));
            Facts {
                owner: owner.map(str::to_owned),
                is_deleted,
                is_of_age,
                creators,
                assigned,
                teams: team.into_iter().map(|(name, chats)| (name.to_owned(), chats)).collect(),
                papers,
                emergencies,
            }
        })
}

fn case() -> impl Strategy<Value = Case> {
    let person = (select(&PEOPLE[..2]), select(&Role::ALL[..]), prop::bool::weighted(0.9))
        .prop_map(|(name, role, verified)| Person { name: name.to_owned(), role, verified });
    (person, facts(), action(), select(&Purpose::ALL[..])).prop_map(|(person, facts, action, purpose)| Case {
        person,
        facts,
        action,
        purpose,
    })
}

#[test]
fn decisions_are_those_of_the_rules() {
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32]);
    let seen: std::cell::RefCell<BTreeMap<String, u32>> = std::cell::RefCell::default();
    let outcome = TestRunner::new_with_rng(config, seed).run(&case(), |case| {
        let expected = answer(&case.person, &case.facts, &case.action, case.purpose, NOW);
        let kinds = match &expected {
            Ok(reasons) => reasons.iter().map(|code| code.split(':').next().unwrap().to_owned()).collect(),
            Err(refusal) => BTreeSet::from([(*refusal).to_owned()]),
        };
        kinds.into_iter().for_each(|kind| *seen.borrow_mut().entry(kind).or_default() += 1);
        prop_assert_eq!(decided(&case), expected);
        Ok(())
    });
    outcome.unwrap();
    // What was drawn has every ground and every refusal in it, each often.
    let seen = seen.into_inner();
    assert_eq!(seen.len(), 8 + 8, "{seen:?}");
    assert!(seen.values().all(|count| *count >= 50), "{seen:?}");
}

/// A person of this role, verified, and a record of nobody.
fn asks(role: Role, action: Action, purpose: Purpose, facts: Facts) -> Result<BTreeSet<String>, &'static str> {
    let person = Person { name: "ann".to_owned(), role, verified: true };
    let case = Case { person, facts, action, purpose };
    let decided = decided(&case);
    assert_eq!(decided, answer(&case.person, &case.facts, &case.action, case.purpose, NOW), "{case:?}");
    decided
}

fn because(code: &str) -> Result<BTreeSet<String>, &'static str> {
    Ok(BTreeSet::from([code.to_owned()]))
}

fn set(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

fn whole_chart(to: To) -> Paper {
    Paper {
        id: "k".to_owned(),
        to,
        about: About::All,
        purposes: vec![Purpose::Treatment],
        channels: Vec::new(),
        recording: false,
        ai: false,
        stands_in: StandsIn::No,
        from: 0,
        until: None,
        is_revoked: false,
    }
}

fn with(paper: Paper) -> Facts {
    Facts { papers: vec![paper], ..Facts::default() }
}

#[test]
fn patients_see_their_own_record_and_write_little_of_it() {
    let own = || Facts { owner: Some("ann".to_owned()), ..Facts::default() };
    for kind in DataKind::ALL {
        for purpose in Purpose::ALL {
            assert_eq!(asks(Role::Patient, Action::Read(kind), purpose, own()), because("own-record"));
        }
        let may = matches!(kind, DataKind::Demographics | DataKind::Diagnoses);
        assert_eq!(asks(Role::Patient, Action::Write(kind), Purpose::Treatment, own()).is_ok(), may, "{kind:?}");
    }
    for action in [Action::Consent, Action::SeeAccess, Action::Chat(id("c1"))] {
        assert_eq!(asks(Role::Patient, action, Purpose::Treatment, own()), because("own-record"));
    }
    assert_eq!(asks(Role::Patient, Action::Delete, Purpose::Treatment, own()), Err("not-covered"));
    // Being the patient is no consent to AI, recordings or messages.
    assert_eq!(asks(Role::Patient, Action::UseAi(None), Purpose::Treatment, own()), Err("no-ai-consent"));
    assert_eq!(asks(Role::Patient, Action::Record(None), Purpose::Treatment, own()), Err("no-recording-consent"));
    let contact = Action::Contact(Channel::Sms);
    assert_eq!(asks(Role::Patient, contact, Purpose::Treatment, own()), Err("no-channel-consent"));
}

#[test]
fn care_is_for_care_and_by_role() {
    let created = || Facts { creators: set("ann"), ..Facts::default() };
    let assigned = || Facts { assigned: set("ann"), ..Facts::default() };
    let read = || Action::Read(DataKind::Notes);
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, created()), because("created"));
    assert_eq!(asks(Role::Nurse, read(), Purpose::CareCoordination, assigned()), because("assigned"));
    let team = Facts { teams: BTreeMap::from([("ann".to_owned(), set("c1"))]), ..Facts::default() };
    assert_eq!(asks(Role::Assistant, read(), Purpose::Treatment, team), because("care-team-chat:c1"));
    assert_eq!(asks(Role::Doctor, read(), Purpose::Billing, created()), Err("other-purpose"));
    assert_eq!(asks(Role::Pharmacist, read(), Purpose::Treatment, assigned()), Err("not-covered"));
    assert_eq!(asks(Role::Receptionist, read(), Purpose::Treatment, assigned()), Err("not-covered"));
    let name = Action::Write(DataKind::Demographics);
    assert_eq!(asks(Role::Receptionist, name, Purpose::Treatment, assigned()), because("assigned"));
    assert_eq!(asks(Role::Nurse, Action::Consent, Purpose::Treatment, assigned()), Err("not-covered"));
    // A relationship of someone who is no longer staff counts for nothing.
    assert_eq!(asks(Role::Patient, read(), Purpose::Treatment, created()), Err("no-ground"));
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, Facts::default()), Err("no-ground"));
    let deleted = Facts { is_deleted: true, ..created() };
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, deleted), Err("deleted"));
}

#[test]
fn unverified_staff_sees_nothing_whatever_is_on_paper() {
    let facts = Facts { creators: set("ann"), owner: Some("ann".to_owned()), ..with(whole_chart(To::CareTeam)) };
    for role in Role::ALL {
        let person = Person { name: "ann".to_owned(), role, verified: false };
        let action = Action::Read(DataKind::Demographics);
        let decided = decided(&Case { person, facts: facts.clone(), action, purpose: Purpose::Treatment });
        assert_eq!(decided == Err("unverified"), role.is_staff(), "{role}");
    }
}

#[test]
fn a_consent_covers_what_it_says_while_it_holds() {
    let ann = || To::Person("ann".to_owned());
    let notes = || Action::Read(DataKind::Notes);
    assert_eq!(asks(Role::Family, notes(), Purpose::Treatment, with(whole_chart(ann()))), because("consent:k"));
    assert_eq!(asks(Role::Family, notes(), Purpose::Research, with(whole_chart(ann()))), Err("other-purpose"));
    // By role for staff, as wide as its words for others.
    assert_eq!(asks(Role::Pharmacist, notes(), Purpose::Treatment, with(whole_chart(ann()))), Err("not-covered"));
    let write = Action::Write(DataKind::Vitals);
    assert_eq!(asks(Role::Nurse, write.clone(), Purpose::Treatment, with(whole_chart(ann()))), because("consent:k"));
    assert_eq!(asks(Role::Family, write, Purpose::Treatment, with(whole_chart(ann()))), Err("not-covered"));
    let vitals = Paper { about: About::Kinds(vec![DataKind::Vitals]), ..whole_chart(ann()) };
    assert_eq!(asks(Role::Family, notes(), Purpose::Treatment, with(vitals)), Err("not-covered"));
    let chat = || Paper { about: About::Chat("c1".to_owned()), ..whole_chart(ann()) };
    assert_eq!(asks(Role::Family, Action::Chat(id("c1")), Purpose::Treatment, with(chat())), because("consent:k"));
    assert_eq!(asks(Role::Family, Action::Chat(id("c2")), Purpose::Treatment, with(chat())), Err("not-covered"));
    for ended in [
        Paper { is_revoked: true, ..whole_chart(ann()) },
        Paper { until: Some(NOW), ..whole_chart(ann()) },
        Paper { from: NOW + 1, ..whole_chart(ann()) },
        whole_chart(To::Role(Role::Doctor)),
        whole_chart(To::CareTeam),
    ] {
        assert_eq!(asks(Role::Family, notes(), Purpose::Treatment, with(ended)), Err("no-ground"));
    }
    // Nobody passes on by a consent what was given to them.
    assert_eq!(asks(Role::Doctor, Action::Consent, Purpose::Treatment, with(whole_chart(ann()))), Err("not-covered"));
}

#[test]
fn ai_recording_and_channels_need_a_consent_that_says_so() {
    let facts = |change: fn(&mut Paper)| {
        let mut paper = whole_chart(To::CareTeam);
        change(&mut paper);
        Facts { assigned: set("ann"), ..with(paper) }
    };
    let ask = |action, facts| asks(Role::Doctor, action, Purpose::Treatment, facts);
    let chat = || Some(id("c1"));
    assert_eq!(ask(Action::UseAi(chat()), facts(|_| ())), Err("no-ai-consent"));
    assert_eq!(ask(Action::UseAi(chat()), facts(|paper| paper.ai = true)), because("consent:k"));
    assert_eq!(ask(Action::Record(chat()), facts(|_| ())), Err("no-recording-consent"));
    assert_eq!(ask(Action::Record(None), facts(|paper| paper.recording = true)), because("consent:k"));
    assert_eq!(ask(Action::Contact(Channel::Sms), facts(|_| ())), Err("no-channel-consent"));
    let sms = facts(|paper| paper.channels = vec![Channel::Sms]);
    assert_eq!(ask(Action::Contact(Channel::Sms), sms.clone()), because("consent:k"));
    assert_eq!(ask(Action::Contact(Channel::Email), sms), Err("no-channel-consent"));
    // A proxy stands in for the patient, who could not either.
    let proxy = Paper { ai: true, stands_in: StandsIn::ForAdult, ..whole_chart(To::Person("ann".to_owned())) };
    assert_eq!(asks(Role::Family, Action::UseAi(None), Purpose::Treatment, with(proxy)), Err("no-ai-consent"));
}

#[test]
fn a_proxy_acts_as_the_patient_and_for_a_child_until_it_is_of_age() {
    let proxy = |stands_in| Paper { stands_in, ..whole_chart(To::Person("ann".to_owned())) };
    let child = |is_of_age| Facts { is_of_age, ..with(proxy(StandsIn::ForChild)) };
    for action in [Action::Read(DataKind::Notes), Action::Consent, Action::SeeAccess, Action::Chat(id("c9"))] {
        let ask = |facts| asks(Role::Family, action.clone(), Purpose::Treatment, facts);
        assert_eq!(ask(with(proxy(StandsIn::ForAdult))), because("proxy:k"));
        assert_eq!(ask(child(false)), because("proxy:k"));
        assert_eq!(ask(child(true)), Err("no-ground"));
    }
    // One for parts of the chart gives no consents.
    let part = Paper { about: About::Kinds(DataKind::ALL.to_vec()), ..proxy(StandsIn::ForAdult) };
    assert_eq!(asks(Role::Family, Action::Consent, Purpose::Treatment, with(part)), Err("not-covered"));
    assert_eq!(asks(Role::Family, Action::Consent, Purpose::Billing, child(false)), Err("other-purpose"));
}

#[test]
fn an_emergency_is_one_clinicians_for_treatment_until_its_end() {
    let alarm = |who: &str, from, until| Facts {
        emergencies: vec![Alarm { id: "e".to_owned(), who: who.to_owned(), from, until }],
        ..Facts::default()
    };
    let read = || Action::Read(DataKind::Medications);
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, alarm("ann", NOW, NOW + 1)), because("break-glass:e"));
    assert_eq!(asks(Role::Doctor, read(), Purpose::Billing, alarm("ann", NOW, NOW + 1)), Err("other-purpose"));
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, alarm("ann", NOW - 2, NOW)), Err("no-ground"));
    assert_eq!(asks(Role::Doctor, read(), Purpose::Treatment, alarm("ben", NOW, NOW + 1)), Err("no-ground"));
    for role in [Role::Receptionist, Role::Family] {
        assert_eq!(asks(role, read(), Purpose::Treatment, alarm("ann", NOW, NOW + 1)), Err("no-ground"));
    }
    let notes = Action::Read(DataKind::Notes);
    assert_eq!(asks(Role::Pharmacist, notes, Purpose::Treatment, alarm("ann", NOW, NOW + 1)), Err("not-covered"));
}

#[test]
fn admins_keep_records_and_care_for_nobody() {
    for role in [Role::SuperAdmin, Role::ClinicAdmin, Role::Admin] {
        let ask = |action, purpose| asks(role, action, purpose, Facts::default());
        for purpose in [Purpose::Treatment, Purpose::CareCoordination, Purpose::Billing] {
            assert_eq!(ask(Action::Read(DataKind::Notes), purpose), because("admin"));
        }
        assert_eq!(ask(Action::Read(DataKind::Notes), Purpose::Research), Err("other-purpose"));
        assert_eq!(ask(Action::Delete, Purpose::Treatment), because("admin"));
        assert_eq!(ask(Action::Write(DataKind::Demographics), Purpose::Treatment), because("admin"));
        assert_eq!(ask(Action::Write(DataKind::Vitals), Purpose::Treatment), Err("not-covered"));
        assert_eq!(ask(Action::Consent, Purpose::Treatment), Err("not-covered"));
        assert_eq!(ask(Action::UseAi(None), Purpose::Treatment), Err("no-ai-consent"));
    }
}
