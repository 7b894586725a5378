use std::collections::BTreeSet;

use access::decision::{Action, Asker, Decision, Reason, Record, decide};
use axum::extract::State;
use charts::{Asking, OpenChart, is_of_age};
use kernel::{ChatId, PatientId, Role, Time, UserId};
use model::consent::{DataKind, Grantee, Proxy, Purpose, Scope};
use model::patient::Circle;
use model::user::USERS;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use super::explain::ReasonView;
use super::people::{People, PersonView};

/// The most people shown one by one.
const MOST_PEOPLE: usize = 500;

/// Who can see a record now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhoHasAccess {
    /// People whom something ties to the patient, one by one.
    people: Vec<PersonAccess>,
    /// Those who can see it by what they are in the clinic alone.
    groups: Vec<GroupAccess>,
    /// Whether all people are shown; of very large circles only the first 500 are.
    is_complete: bool,
}

/// Someone who can see a record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PersonAccess {
    /// Who.
    #[serde(flatten)]
    person: PersonView,
    /// What, why and until when.
    #[serde(flatten)]
    sight: Sight,
}

/// A group who can see a record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GroupAccess {
    /// What they are.
    role: Role,
    /// How many accounts that is now.
    #[schema(example = 2)]
    count: u64,
    /// What, why and until when.
    #[serde(flatten)]
    sight: Sight,
}

/// What of a record is seen, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Sight {
    /// All that allows it.
    reasons: Vec<TimedReason>,
    /// The parts of the chart, each for one of the purposes at least.
    kinds: Vec<DataKind>,
    /// Single chats about the patient, where only these are seen.
    chats: Vec<ChatId>,
    /// For what, each for one of the parts at least.
    purposes: Vec<Purpose>,
    /// When the last reason ends; `null` where one has no end.
    until: Option<Time>,
}

/// A reason with its end.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TimedReason {
    /// The reason.
    #[serde(flatten)]
    reason: ReasonView,
    /// When it ends by itself; `null`: when somebody ends it.
    until: Option<Time>,
}

/// See who has access
///
/// Everyone who can see the record now, what of it, why and until when, by the very decision that every operation asks.
/// For the patient, those who act for the patient, clinicians with a care relationship, and admins.
#[utoipa::path(
    get, path = "/api/v1/patients/{patientId}/access", tag = "consents", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    responses((status = 200, body = WhoHasAccess, description = "Who, what and why"), Problems),
)]
pub(crate) async fn who_has_access(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
) -> Result<Json<WhoHasAccess>, ApiError> {
    caller.trail.action("access.list").entity("patient", &id);
    let chart = Asking::of(&app, &caller).open(&id, &Action::SeeAccess).await?;
    let mut tied = tied_to(&chart);
    let is_complete = tied.len() <= MOST_PEOPLE;
    while tied.len() > MOST_PEOPLE {
        tied.pop_last();
    }
    let people = People::read(&app, &caller.store, tied.clone()).await?;
    let view = View::of(&app, &caller, &chart).await?;
    let shown = tied.iter().filter_map(|user| {
        let account = &people.get(user).filter(|person| person.account.active)?.account;
        let asker = Asker { user, role: account.role, verified: account.verified || !account.role.is_staff() };
        Some(PersonAccess { person: people.show(user), sight: view.sight(asker)? })
    });
    let people = shown.collect();
    Ok(Json(WhoHasAccess { people, groups: groups(&app, &caller, &view).await?, is_complete }))
}

/// Those whom the circle names.
fn tied_to(chart: &OpenChart) -> BTreeSet<UserId> {
    let Circle { relations, consents, emergencies } = &chart.patient.circle;
    let mut tied: BTreeSet<UserId> = relations.keys().cloned().collect();
    tied.extend(chart.patient.user_id.clone());
    tied.extend(emergencies.iter().map(|emergency| emergency.user_id.clone()));
    tied.extend(consents.iter().filter_map(|consent| match &consent.grantee {
        Grantee::User { user_id } => Some(user_id.clone()),
        Grantee::Role { .. } | Grantee::CareTeam => None,
    }));
    tied
}

/// Those who see it whoever they are: by their role alone.
async fn groups(app: &App, caller: &Caller, view: &View<'_>) -> Result<Vec<GroupAccess>, ApiError> {
    // Someone whom the circle does not name.
    let anyone = UserId::generate(app.random.as_ref());
    let mut groups = Vec::new();
    for role in Role::ALL {
        let Some(sight) = view.sight(Asker { user: &anyone, role, verified: true }) else { continue };
        let of_role = USERS.all().eq("role", role.name()).eq("verified", true).eq("active", true);
        let count = caller.store.count(&USERS, &of_role).await?;
        groups.push(GroupAccess { role, count, sight });
    }
    Ok(groups)
}

/// A record as this moment's decisions see it.
struct View<'a> {
    record: Record<'a>,
    now: Time,
}

impl<'a> View<'a> {
    async fn of(app: &App, caller: &Caller, chart: &'a OpenChart) -> Result<Self, ApiError> {
        let now = app.now();
        let asks_for_age = chart.patient.circle.consents.iter().any(|consent| consent.proxy == Some(Proxy::Minor));
        let policy = app.tenants.policy(caller.tenant()).await?;
        let is_of_age =
            asks_for_age && is_of_age(&chart.key, caller.tenant(), &chart.id, &chart.patient, &policy, now)?;
        Ok(Self { record: Record::of(&chart.patient, is_of_age), now })
    }

    /// What someone sees of the record; `None`: nothing.
    fn sight(&self, asker: Asker<'_>) -> Option<Sight> {
        let mut found = Found::default();
        for purpose in Purpose::ALL {
            for kind in DataKind::ALL {
                if self.allows(asker, &Action::Read(kind), purpose, &mut found) {
                    found.kinds.insert(kind);
                }
            }
            for chat in self.single_chats() {
                if self.allows(asker, &Action::Chat(chat.clone()), purpose, &mut found) {
                    found.chats.insert(chat.clone());
                }
            }
        }
        if found.reasons.is_empty() {
            return None;
        }
        let timed = |reason: &Reason| TimedReason { reason: reason.into(), until: self.end_of(reason) };
        let reasons: Vec<TimedReason> = found.reasons.iter().map(timed).collect();
        let is_open = reasons.iter().any(|reason| reason.until.is_none());
        let until = reasons.iter().filter_map(|reason| reason.until).max().filter(|_| !is_open);
        // Who sees all messages sees all chats.
        let sees_all_chats = found.kinds.contains(&DataKind::Messages);
        Some(Sight {
            reasons,
            kinds: found.kinds.into_iter().collect(),
            chats: found.chats.into_iter().filter(|_| !sees_all_chats).collect(),
            purposes: found.purposes.into_iter().collect(),
            until,
        })
    }

    fn allows(&self, asker: Asker<'_>, action: &Action, purpose: Purpose, found: &mut Found) -> bool {
        match decide(asker, self.record, action, purpose, self.now) {
            Decision::Allow(reasons) => {
                found.reasons.extend(reasons);
                found.purposes.insert(purpose);
                true
            }
            Decision::Deny(_) => false,
        }
    }

    /// The chats that consents name.
    fn single_chats(&self) -> BTreeSet<&'a ChatId> {
        let scopes = self.record.circle.consents.iter().map(|consent| &consent.scope);
        let named = scopes.filter_map(|scope| match scope {
            Scope::Chat { chat_id } => Some(chat_id),
            Scope::WholeChart | Scope::Kinds { .. } => None,
        });
        named.collect()
    }

    fn end_of(&self, reason: &Reason) -> Option<Time> {
        let circle = self.record.circle;
        match reason {
            Reason::Consent(id) | Reason::Proxy(id) => circle.consents.iter().find(|one| one.id == *id)?.until,
            Reason::BreakGlass(id) => Some(circle.emergencies.iter().find(|one| one.id == *id)?.until),
            Reason::OwnRecord | Reason::Created | Reason::Assigned | Reason::CareTeamChat(_) | Reason::Admin => None,
        }
    }
}

#[derive(Default)]
struct Found {
    reasons: BTreeSet<Reason>,
    kinds: BTreeSet<DataKind>,
    chats: BTreeSet<ChatId>,
    purposes: BTreeSet<Purpose>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::chat::ChatType;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        all_who_can_see_it_are_there_with_the_reason, it_is_for_those_who_may_see_it,
    }

    fn person<'a>(list: &'a Value, user: &UserId) -> Option<&'a Value> {
        list["people"].as_array().unwrap().iter().find(|one| one["id"] == user.as_str())
    }

    fn codes(one: &Value) -> Vec<&str> {
        one["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
    }

    async fn all_who_can_see_it_are_there_with_the_reason(app: TestApp) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        let (nurse, other) = (app.user(Role::Nurse, "Nia").await, app.user(Role::Doctor, "Oda").await);
        let (fam, friend) = (app.user(Role::Family, "Fam").await, app.user(Role::Family, "Fred").await);
        let unverified = app.user_verified(Role::Nurse, "New", false).await;
        app.user(Role::Admin, "Ada").await;
        let id = app.patient(&doc, "Pat").await;
        app.link(&id, &pat.id).await;
        let chat = app.chat(ChatType::Direct, Some(id.clone()), &[&doc.id, &pat.id]).await;
        let end = app.app.now().plus(Duration::from_secs(60));
        let of_vitals = Scope::Kinds { kinds: vec![DataKind::Vitals] };
        app.consent(&id, &fam.id, |consent| {
            (consent.scope, consent.until, consent.purposes) = (of_vitals.clone(), Some(end), vec![Purpose::Billing]);
        })
        .await;
        app.consent(&id, &friend.id, |consent| consent.scope = Scope::Chat { chat_id: chat.clone() }).await;
        app.consent(&id, &doc.id, |consent| consent.grantee = Grantee::Role { role: Role::Nurse }).await;
        app.consent(&id, &unverified.id, |_| ()).await;
        let glass = json!({"reason": "Unconscious after a fall."});
        app.post(&format!("/api/v1/patients/{id}/break-glass")).by(&other).json(&glass).expect(201).await;

        let list = app.get(&format!("/api/v1/patients/{id}/access")).by(&pat).expect(200).await;
        let of = |user: &testkit::TestUser| person(&list, &user.id);
        assert_eq!((codes(of(&pat).unwrap()), codes(of(&doc).unwrap())), (vec!["own-record"], vec!["created"]));
        assert_eq!(of(&doc).unwrap()["kinds"].as_array().unwrap().len(), DataKind::ALL.len());
        let seen = of(&fam).unwrap();
        assert_eq!((&seen["name"], &seen["role"], codes(seen)), (&json!("Fam"), &json!("Family"), vec!["consent"]));
        assert_eq!((&seen["kinds"], &seen["purposes"]), (&json!(["vitals"]), &json!(["billing"])));
        assert_eq!((&seen["until"], &seen["chats"]), (&json!(end), &json!([])));
        let seen = of(&friend).unwrap();
        assert_eq!((&seen["kinds"], &seen["chats"], &seen["until"]), (&json!([]), &json!([chat]), &Value::Null));
        let seen = of(&other).unwrap();
        assert_eq!((codes(seen), &seen["until"]), (vec!["break-glass"], &seen["reasons"][0]["until"]));
        assert!(of(&unverified).is_none(), "staff that waits for verification sees nothing");
        assert!(of(&nurse).is_none(), "by the role alone");
        let groups = list["groups"].as_array().unwrap();
        let group = |role: &str| groups.iter().find(|group| group["role"] == role).unwrap();
        assert_eq!((codes(group("Nurse")), &group("Nurse")["count"]), (vec!["consent"], &json!(1)));
        assert_eq!((codes(group("Admin")), &group("Admin")["count"]), (vec!["admin"], &json!(1)));
        assert_eq!((groups.len(), &list["isComplete"]), (4, &json!(true)));
        // What ends is gone.
        app.clock.advance(Duration::from_secs(4 * 3600));
        let pat = app.sign_in_again(&pat).await;
        let list = app.get(&format!("/api/v1/patients/{id}/access")).by(&pat).expect(200).await;
        assert!(person(&list, &fam.id).is_none() && person(&list, &other.id).is_none());
    }

    async fn it_is_for_those_who_may_see_it(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nurse").await);
        let (desk, admin) = (app.user(Role::Receptionist, "Desk").await, app.user(Role::Admin, "Ada").await);
        let id = app.patient(&doc, "Pat").await;
        app.change_patient(&id, |patient| patient.relate(&desk.id, |relation| relation.created = true)).await;
        let path = format!("/api/v1/patients/{id}/access");
        app.get(&path).by(&admin).expect(200).await;
        app.get(&path).by(&desk).refused(403, "FORBIDDEN").await;
        let foreign = app.get(&path).by(&nurse).send().await;
        let none = app.get("/api/v1/patients/none/access").by(&nurse).send().await;
        assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
        app.get(&path).refused(401, "UNAUTHORIZED").await;
    }
}
