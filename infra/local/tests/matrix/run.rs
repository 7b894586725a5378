//! Asks, and compares.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;
use kernel::Role;
use model::audit::{AUDIT, AuditEntry, Outcome};
use testkit::{TestApp, TestRequest, TestResponse};

use crate::asks::{self, Ask};
use crate::expected::{self, Answer, Audit, Line};
use crate::scene::{Relation, Scene, Thing, World};
use crate::words::Words;

/// How it went.
#[derive(Default)]
pub(crate) struct Report {
    asked: BTreeMap<Option<Relation>, usize>,
    /// Refusals that were held against those of what is not there.
    compared: usize,
    /// Successes that left their entries in the audit log.
    audited: usize,
    pub(crate) disagreements: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, other: Self) {
        for (relation, count) in other.asked {
            *self.asked.entry(relation).or_default() += count;
        }
        self.compared += other.compared;
        self.audited += other.audited;
        self.disagreements.extend(other.disagreements);
    }

    pub(crate) fn listed(&self) -> String {
        let mut all = self.disagreements.clone();
        all.sort();
        all.join("\n")
    }

    fn count(&mut self, relation: Option<Relation>) {
        *self.asked.entry(relation).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.asked.values().sum();
        write!(f, "matrix: {total} questions")?;
        for (relation, count) in &self.asked {
            match relation {
                Some(relation) => write!(f, ", {relation:?} {count}")?,
                None => write!(f, ", anonymous {count}")?,
            }
        }
        write!(f, "; {} refusals compared with what is not there, {} audited", self.compared, self.audited)?;
        write!(f, "; {} disagreements", self.disagreements.len())
    }
}

/// Every line without a token, and with one that nobody issued.
pub(crate) async fn anonymously(world: &World) -> Report {
    let mut report = Report::default();
    let asks = by_operation();
    for (number, line) in expected::table().iter().enumerate() {
        let ask = &asks[line.operation.as_str()];
        for token in [None, Some("nobody.issued.this")] {
            let words = Words::marked(9_000_000 + number * 2 + usize::from(token.is_some()));
            let scene = world.scene(Role::Patient, Relation::Own, ask.needs, words).await;
            let mut request = request(&world.home, ask, &scene);
            if let Some(token) = token {
                request = request.header("authorization", &format!("Bearer {token}"));
            }
            let status = request.send().await.status.as_u16();
            report.count(None);
            if status != line.anonymous {
                let told = format!("{}: anonymous gets {status}, and not {}", line.operation, line.anonymous);
                report.disagreements.push(told);
            }
        }
    }
    report
}

/// Every line by one role, in every relation.
pub(crate) async fn as_role(world: &World, role: Role) -> Report {
    let mut report = Report::default();
    let asks = by_operation();
    // What is only read is read from the same scene as long as that has all that is needed.
    let mut scenes: BTreeMap<(Relation, &[Thing]), Scene> = BTreeMap::new();
    let position = Role::ALL.iter().position(|one| *one == role).unwrap();
    let mut number = position * 100_000;
    for line in &expected::table() {
        let ask = &asks[line.operation.as_str()];
        for relation in Relation::ALL {
            let Some(answer) = line.answer(relation, role) else { continue };
            number += 1;
            let is_shared = line.operation.starts_with("GET ");
            let scene = match scenes.get(&(relation, ask.needs)).filter(|_| is_shared) {
                Some(scene) => scene.clone(),
                None => world.scene(role, relation, ask.needs, Words::marked(number)).await,
            };
            if is_shared {
                scenes.insert((relation, ask.needs), scene.clone());
            }
            report.count(Some(relation));
            Question { world, line, ask, scene, answer }.put(&mut report).await;
        }
    }
    report
}

fn by_operation() -> BTreeMap<&'static str, Ask> {
    asks::all().into_iter().map(|ask| (ask.operation, ask)).collect()
}

/// The request for a scene, without a token.
pub(crate) fn request(app: &TestApp, ask: &Ask, scene: &Scene) -> TestRequest {
    let made = (ask.made)(scene);
    let (method, _) = ask.operation.split_once(' ').unwrap();
    let mut path = asks::path(ask.operation, scene);
    if !made.query.is_empty() {
        path = format!("{path}?{}", made.query);
    }
    let mut request = app.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    if let Some(version) = made.if_match {
        request = request.header("if-match", version);
    }
    match (&made.body, made.file) {
        (Some(body), _) => request.json(body),
        (None, Some((content_type, bytes))) => request.bytes(content_type, bytes),
        (None, None) => request,
    }
}

/// One case.
struct Question<'a> {
    world: &'a World,
    line: &'a Line,
    ask: &'a Ask,
    scene: Scene,
    answer: Answer,
}

impl Question<'_> {
    async fn put(&self, report: &mut Report) {
        let home = &self.world.home;
        let got = request(home, self.ask, &self.scene).by(&self.scene.caller).send().await;
        let status = got.status.as_u16();
        if status != self.answer.status {
            report
                .disagreements
                .push(self.told(&format!("gets {status}, and not {}: {}", self.answer.status, got.body)));
            return;
        }
        let is_foreign = self.scene.relation.is_foreign();
        if self.answer.is_blind && is_foreign && got.body.to_string().contains(&self.scene.words.mark) {
            report.disagreements.push(self.told(&format!("sees what is not theirs: {}", got.body)));
        }
        if status >= 400 && is_foreign && !self.answer.may_tell {
            report.compared += 1;
            let ghost = self.scene.ghost(home);
            let nothing = request(home, self.ask, &ghost).by(&self.scene.caller).send().await;
            let (there, not_there) = (shape(&got, &self.scene), shape(&nothing, &ghost));
            if there != not_there {
                report.disagreements.push(self.told(&format!("can tell {there} from {not_there}")));
            }
        }
        if status < 300 && self.line.audit != Audit::Exempt {
            match self.audit_fault().await {
                None => report.audited += 1,
                Some(fault) => report.disagreements.push(self.told(&fault)),
            }
        }
    }

    fn told(&self, what: &str) -> String {
        format!("{} as {} {:?}: {what}", self.line.operation, self.scene.role, self.scene.relation)
    }

    /// What is wrong with what this left in the audit log.
    async fn audit_fault(&self) -> Option<String> {
        let store = &self.world.home.store;
        let caller = self.scene.caller.id.as_str();
        let theirs = store.query(&AUDIT, &AUDIT.all().eq("userId", caller)).await.unwrap();
        let of_this = |entry: &AuditEntry| entry.operation.as_deref() == Some(self.line.operation.as_str());
        let mut entries = theirs.into_iter().map(|doc| doc.value).filter(|entry| entry.outcome == Outcome::Allowed);
        let is_there = match self.line.audit {
            // Of what shows nothing of the patient no entry names the patient.
            Audit::Patient if !self.answer.is_blind => {
                entries.any(|entry| of_this(&entry) && entry.patients.contains(&self.scene.patient))
            }
            Audit::Patient | Audit::Caller => entries.any(|entry| of_this(&entry)),
            Audit::Others => self.scene.relation.is_own() || entries.any(|entry| of_this(&entry)),
            Audit::Event(action) => {
                // Of some it is not known whose account it is: those name nobody.
                let account = self.scene.ids.get("accountId");
                let is_theirs = |entry: &AuditEntry| match (&entry.user_id, account) {
                    (Some(user), Some(account)) => user.as_str() == account,
                    (Some(_), None) => true,
                    (None, _) => matches!(action, "auth.code-requested" | "auth.password-forgotten"),
                };
                let of_action = store.query(&AUDIT, &AUDIT.all().eq("action", action)).await.unwrap();
                of_action.iter().any(|doc| doc.value.outcome == Outcome::Allowed && is_theirs(&doc.value))
            }
            Audit::Exempt => true,
        };
        (!is_there).then(|| format!("left no entry in the audit log that says {:?}", self.line.audit))
    }
}

/// An answer without ids and times.
fn shape(response: &TestResponse, scene: &Scene) -> String {
    let mut body = response.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("timestamp");
    }
    let mut text = body.to_string();
    for id in scene.ids.values() {
        text = text.replace(id.as_str(), "(id)");
    }
    let mut headers: Vec<&str> = response.headers.keys().map(http::HeaderName::as_str).collect();
    headers.sort_unstable();
    format!("{} {headers:?} {text}", response.status.as_u16())
}
