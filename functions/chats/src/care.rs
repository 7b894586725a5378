//! What chats about a patient have to do with the patient's circle: whom they may take in, and the care relationship
//! that a Care Team chat makes.

use std::collections::BTreeSet;

use access::decision::{Action, Reason};
use charts::Asking;
use conversations::NamedUser;
use kernel::{ChatId, ConsentId, PatientId, Time, UserId};
use model::chat::{Chat, ChatType};
use model::consent::Scope;
use model::patient::{PATIENTS, Patient};
use store::{Store, Transaction};
use web::{ApiError, App};

/// The most Care Team chats about one patient, and the most staff with a care relationship: the circle stays a small
/// part of the patient's document.
const MOST_TEAMS: usize = 20;
const MOST_STAFF: usize = 300;

/// Refuses to make a Care Team chat, or to bring staff into one, to whoever is not in the patient's care and does not
/// act for the patient: what an emergency or a consent allows must not make itself permanent.
pub(crate) async fn must_care(
    asking: &Asking<'_>,
    kind: ChatType,
    patient_id: &PatientId,
    patient: &Patient,
) -> Result<(), ApiError> {
    if kind != ChatType::CareTeam {
        return Ok(());
    }
    let is_whole_chart = |id: &ConsentId| {
        patient.circle.consents.iter().any(|consent| consent.id == *id && consent.scope == Scope::WholeChart)
    };
    let is_enough = |tie: &Reason| match tie {
        Reason::OwnRecord | Reason::Created | Reason::Assigned | Reason::CareTeamChat(_) | Reason::Admin => true,
        Reason::Proxy(consent) => is_whole_chart(consent),
        Reason::Consent(_) | Reason::BreakGlass(_) => false,
    };
    if asking.ties(patient_id, patient).await?.iter().any(is_enough) {
        return Ok(());
    }
    asking.refuse("not-in-care");
    Err(ApiError::forbidden(
        "A Care Team chat is made and joined by those who care for the patient. An emergency or a consent is not enough.",
    ))
}

/// Refuses people whom nothing lets take part in a chat about this patient. Staff may be brought into a Care Team chat
/// by whoever is in it: that is how one comes to care for a patient.
pub(crate) async fn must_admit(
    app: &App,
    store: &Store,
    chat: (&ChatId, ChatType),
    patient: (&PatientId, &Patient),
    people: &[NamedUser],
    field: &'static str,
) -> Result<(), ApiError> {
    for person in people {
        if chat.1 == ChatType::CareTeam && person.role.is_staff() && person.may_see_phi {
            continue;
        }
        let asking = Asking::for_person(app, store, &person.id, person.role, person.may_see_phi);
        let action = Action::Chat(chat.0.clone());
        if !asking.decide(patient.0, patient.1, &action).await?.is_allowed() {
            let message = format!(
                "{field}: nothing lets this person take part in a chat about the patient. The patient can consent to it, \
                 and staff can be brought into the patient's Care Team chat."
            );
            return Err(ApiError::field(field, message).detail("userId", person.id.as_str()));
        }
    }
    Ok(())
}

/// Brings the circle of the patient whom a Care Team chat is about to who of the staff is in the chat now. To be called
/// in the transaction that changes the roster.
pub(crate) async fn settle(tx: &Transaction, id: &ChatId, chat: &Chat, now: Time) -> Result<(), ApiError> {
    let Some(patient_id) = chat.patient_id.as_ref().filter(|_| chat.kind == ChatType::CareTeam) else { return Ok(()) };
    let Some(found) = tx.get(&PATIENTS, patient_id.as_str()).await? else { return Ok(()) };
    let mut patient = found.value;
    let before = patient.circle.clone();
    let is_staff_in =
        |user: &UserId| chat.deleted_at.is_none() && chat.member(user).is_some_and(|member| member.role.is_staff());
    for (user, relation) in &mut patient.circle.relations {
        if !is_staff_in(user) {
            relation.chats.remove(id);
        }
    }
    for user in chat.members.keys().filter(|user| is_staff_in(user)) {
        patient.relate(user, |relation| {
            relation.chats.insert(id.clone());
        });
    }
    if patient.circle == before {
        return Ok(());
    }
    let teams: BTreeSet<&ChatId> = patient.circle.relations.values().flat_map(|relation| &relation.chats).collect();
    let grows = patient.circle.relations.len() > before.relations.len() || teams.len() > MOST_TEAMS;
    if grows && (teams.len() > MOST_TEAMS || patient.circle.relations.len() > MOST_STAFF) {
        let message =
            format!("patientId: at most {MOST_TEAMS} Care Team chats and {MOST_STAFF} of the staff for a patient");
        return Err(ApiError::field("patientId", message));
    }
    patient.index_holders(now);
    Ok(tx.put(&PATIENTS, patient_id.as_str(), &patient)?)
}

#[cfg(test)]
mod tests {
    use kernel::{PatientId, Role};
    use model::consent::DataKind;
    use serde_json::json;
    use testkit::{TestApp, TestUser};

    use super::*;
    use crate::testing::{each, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_care_team_has_a_care_relationship_as_long_as_it_lasts, a_relative_takes_part_by_consent_only,
        a_revocation_closes_the_chat_at_once, an_answer_is_not_given_again_after_a_revocation,
        an_emergency_or_a_consent_does_not_make_itself_permanent, strangers_make_no_chat_about_a_patient, what_is_done_is_in_the_audit_log,
    }

    /// A doctor, a patient of hers with an account, and a chat of this type about that patient.
    async fn about(app: &TestApp, kind: &str) -> (TestUser, TestUser, PatientId, String) {
        let (ann, pat) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Pat").await);
        let patient = app.patient(&ann, "Pat").await;
        app.link(&patient, &pat.id).await;
        let body = json!({"name": "About Pat", "type": kind, "patientId": patient, "participantIds": [pat.id]});
        let chat = app.post("/api/v1/chats").by(&ann).json(&body).expect(201).await;
        (ann, pat, patient, chat["id"].as_str().unwrap().to_owned())
    }

    fn add(app: &TestApp, by: &TestUser, chat: &str, user: &TestUser) -> testkit::TestRequest {
        app.post(&format!("/api/v1/chats/{chat}/participants")).by(by).json(&json!({"userId": user.id}))
    }

    async fn chats_of(app: &TestApp, patient: &PatientId, user: &TestUser) -> usize {
        let patient = app.patient_now(patient).await;
        let held = patient.holders.contains(&model::patient::holder_of_user(&user.id));
        let relation = patient.circle.relations.get(&user.id);
        assert_eq!(held, relation.is_some(), "the holders say what the circle says");
        relation.map_or(0, |relation| relation.chats.len())
    }

    async fn a_care_team_has_a_care_relationship_as_long_as_it_lasts(app: TestApp) {
        let (ann, _, patient, chat) = about(&app, "Care Team").await;
        let nina = app.user(Role::Nurse, "Nina").await;
        assert_eq!((chats_of(&app, &patient, &ann).await, chats_of(&app, &patient, &nina).await), (1, 0));
        add(&app, &ann, &chat, &nina).expect(201).await;
        assert_eq!(chats_of(&app, &patient, &nina).await, 1);
        let relations = app.patient_now(&patient).await.circle.relations;
        assert_eq!(relations.len(), 2, "the patient is none of the staff");
        app.delete(&format!("/api/v1/chats/{chat}/participants/{}", nina.id)).by(&ann).expect(204).await;
        assert_eq!(chats_of(&app, &patient, &nina).await, 0);
        add(&app, &ann, &chat, &nina).expect(201).await;
        app.delete(&format!("/api/v1/chats/{chat}")).by(&ann).expect(204).await;
        assert_eq!((chats_of(&app, &patient, &ann).await, chats_of(&app, &patient, &nina).await), (0, 0));
        // A chat of another type makes no care relationship.
        let (_, _, patient, _) = about(&app, "Family Update").await;
        assert!(app.patient_now(&patient).await.circle.relations.values().all(|relation| relation.chats.is_empty()));
    }

    async fn a_relative_takes_part_by_consent_only(app: TestApp) {
        let (ann, _, patient, chat) = about(&app, "Family Update").await;
        let (fay, sam) = (app.user(Role::Family, "Fay").await, app.user(Role::Doctor, "Sam").await);
        assert_eq!(add(&app, &ann, &chat, &fay).refused(400, "VALIDATION_ERROR").await, "userId");
        app.consent(&patient, &fay.id, |c| c.scope = Scope::Kinds { kinds: vec![DataKind::Vitals] }).await;
        assert_eq!(add(&app, &ann, &chat, &fay).refused(400, "VALIDATION_ERROR").await, "userId");
        app.consent(&patient, &fay.id, |c| c.scope = Scope::Kinds { kinds: vec![DataKind::Messages] }).await;
        add(&app, &ann, &chat, &fay).expect(201).await;
        say(&app, &ann, &chat, "for all").await;
        let seen = get(&app, &fay, &format!("/api/v1/chats/{chat}/messages")).await;
        assert_eq!(each(&seen["data"], "content"), ["for all"]);
        // Staff without a care relationship comes in through the Care Team chat, or by consent.
        assert_eq!(add(&app, &ann, &chat, &sam).refused(400, "VALIDATION_ERROR").await, "userId");
        app.consent(&patient, &sam.id, |_| ()).await;
        add(&app, &ann, &chat, &sam).expect(201).await;
        let body = json!({"name": "x", "type": "Family Update", "patientId": patient,
                          "participantIds": [app.user(Role::Family, "Finn").await.id]});
        assert_eq!(
            app.post("/api/v1/chats").by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await,
            "participantIds"
        );
    }

    async fn a_revocation_closes_the_chat_at_once(app: TestApp) {
        let (ann, _, patient, chat) = about(&app, "Family Update").await;
        let fay = app.user(Role::Family, "Fay").await;
        let consent = app.consent(&patient, &fay.id, |_| ()).await;
        add(&app, &ann, &chat, &fay).expect(201).await;
        let message = say(&app, &fay, &chat, "hers").await;
        assert_eq!(get(&app, &fay, "/api/v1/chats").await["pagination"]["total"], 1);

        app.revoke(&patient, &consent).await;
        assert_eq!(get(&app, &fay, "/api/v1/chats").await["pagination"]["total"], 0, "not even counted");
        for path in [
            format!("/api/v1/chats/{chat}"),
            format!("/api/v1/chats/{chat}/messages"),
            format!("/api/v1/chats/{chat}/search?q=hers"),
            format!("/api/v1/messages/{message}"),
            format!("/api/v1/messages/{message}/history"),
            format!("/api/v1/messages/{message}/receipts"),
        ] {
            app.get(&path).by(&fay).refused(404, "NOT_FOUND").await;
        }
        let text = json!({"content": "again"});
        app.post(&format!("/api/v1/chats/{chat}/messages")).by(&fay).json(&text).refused(404, "NOT_FOUND").await;
        app.put(&format!("/api/v1/messages/{message}")).by(&fay).json(&text).refused(404, "NOT_FOUND").await;
        app.delete(&format!("/api/v1/messages/{message}")).by(&fay).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/messages/{message}/read")).by(&fay).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/chats/{chat}/messages/read-all")).by(&fay).refused(404, "NOT_FOUND").await;
        app.put(&format!("/api/v1/chats/{chat}/membership"))
            .by(&fay)
            .json(&json!({"muted": true}))
            .refused(404, "NOT_FOUND")
            .await;
        app.consent(&patient, &fay.id, |_| ()).await;
        get(&app, &fay, &format!("/api/v1/chats/{chat}")).await;
    }

    async fn an_emergency_or_a_consent_does_not_make_itself_permanent(app: TestApp) {
        let (ann, _, patient, chat) = about(&app, "Care Team").await;
        let (sam, nina) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Nurse, "Nina").await);
        let make = |by: &TestUser| {
            let body = json!({"name": "x", "type": "Care Team", "patientId": patient, "participantIds": []});
            app.post("/api/v1/chats").by(by).json(&body)
        };
        app.consent(&patient, &nina.id, |_| ()).await;
        let now = app.app.now();
        app.change_patient(&patient, |patient| {
            patient.circle.emergencies.push(model::patient::Emergency {
                id: "e1".parse().unwrap(),
                user_id: sam.id.clone(),
                from: now,
                until: now.plus(std::time::Duration::from_secs(60)),
            });
        })
        .await;
        for by in [&sam, &nina] {
            make(by).refused(403, "FORBIDDEN").await;
            assert!(!app.patient_now(&patient).await.circle.relations.contains_key(&by.id));
        }
        make(&ann).expect(201).await;
        add(&app, &ann, &chat, &nina).expect(201).await;
        make(&nina).expect(201).await;
    }

    async fn an_answer_is_not_given_again_after_a_revocation(app: TestApp) {
        let (ann, _, patient, chat) = about(&app, "Family Update").await;
        let fay = app.user(Role::Family, "Fay").await;
        let consent = app.consent(&patient, &fay.id, |_| ()).await;
        add(&app, &ann, &chat, &fay).expect(201).await;
        let send = || {
            let request = app.post(&format!("/api/v1/chats/{chat}/messages")).by(&fay).header("idempotency-key", "k1");
            request.json(&json!({"content": "once"}))
        };
        let first = send().expect(201).await;
        assert_eq!(send().expect(201).await, first);
        app.revoke(&patient, &consent).await;
        send().refused(404, "NOT_FOUND").await;
        // Another consent is not the one that it was answered by.
        app.consent(&patient, &fay.id, |_| ()).await;
        send().refused(404, "NOT_FOUND").await;
        let log = app.audit_log().await;
        let again: Vec<_> = log.iter().filter(|e| e.action == "answer.repeat").collect();
        assert_eq!(again.iter().filter(|e| e.refusal.as_deref() == Some("no-longer")).count(), 2);
        assert_eq!((again.len(), &again[0].patients[..]), (3, &[patient][..]));
    }

    async fn strangers_make_no_chat_about_a_patient(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let patient = app.patient(&ann, "Pat").await;
        let (sam, fay) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Family, "Fay").await);
        for by in [&sam, &fay] {
            let ask = async |patient: &str| {
                let body = json!({"name": "x", "type": "Care Team", "patientId": patient, "participantIds": []});
                let answer = app.post("/api/v1/chats").by(by).json(&body).send().await;
                (answer.status.as_u16(), answer.body["error"].clone())
            };
            let (status, error) = ask(patient.as_str()).await;
            assert_eq!((status, &error["details"]["field"]), (400, &json!("patientId")));
            assert_eq!(ask("nobody").await, (status, error), "as if there were no such patient");
        }
    }

    async fn what_is_done_is_in_the_audit_log(app: TestApp) {
        let (ann, pat, patient, chat) = about(&app, "Care Team").await;
        let fay = app.user(Role::Family, "Fay").await;
        say(&app, &ann, &chat, "logged").await;
        get(&app, &pat, &format!("/api/v1/chats/{chat}")).await;
        app.get(&format!("/api/v1/chats/{chat}")).by(&fay).refused(404, "NOT_FOUND").await;
        let log = app.audit_log().await;
        let of = |user: &TestUser, action: &str| {
            let found = log.iter().filter(|e| e.user_id.as_ref() == Some(&user.id) && e.action == action);
            found.collect::<Vec<_>>()
        };
        let [made] = of(&ann, "chat.create")[..] else { panic!("{log:?}") };
        assert_eq!((&made.patients[..], &made.because[..]), (&[patient.clone()][..], &["created".to_owned()][..]));
        let [sent] = of(&ann, "message.send")[..] else { panic!("{log:?}") };
        assert_eq!(sent.entity_id.as_deref(), Some(chat.as_str()));
        assert_eq!(sent.because, ["created".to_owned(), format!("care-team-chat:{chat}")]);
        let [read] = of(&pat, "chat.read")[..] else { panic!("{log:?}") };
        assert_eq!((&read.because[..], &read.patients[..]), (&["own-record".to_owned()][..], &[patient][..]));
        assert_eq!(read.operation.as_deref(), Some("GET /api/v1/chats/{chatId}"));
        let [refused] = of(&fay, "chat.read")[..] else { panic!("{log:?}") };
        assert_eq!(
            (refused.outcome, refused.refusal.as_deref()),
            (model::audit::Outcome::Denied, Some("not-a-member"))
        );
    }
}
