use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::{Asking, OpenChart};
use garde::Validate;
use http::StatusCode;
use kernel::{ConsentId, PatientId, Time};
use model::consent::{Channel, Grantee, Purpose, Scope, consents};
use model::patient::PATIENTS;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use super::consent_view::{ConsentView, named_in};
use super::grant_rules::add;
use super::people::People;

/// A consent to give.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GrantConsentBody {
    /// To whom: one account, everyone of a role in the clinic, or the staff with a care relationship.
    #[garde(skip)]
    #[schema(example = json!({"type": "user", "userId": "4b0c2a9e-0000-4000-8000-000000000001"}))]
    pub(crate) grantee: Grantee,
    /// About what: the whole chart, parts of it, or one chat about the patient.
    #[garde(skip)]
    #[schema(example = json!({"type": "kinds", "kinds": ["demographics", "vitals"]}))]
    pub(crate) scope: Scope,
    /// For what; treatment unless told.
    #[garde(length(max = 16))]
    #[serde(default = "treatment")]
    pub(crate) purposes: Vec<Purpose>,
    /// Over which channels the patient may be reached.
    #[garde(length(max = 16))]
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    /// Whether calls may be recorded.
    #[garde(skip)]
    #[serde(default)]
    pub(crate) recording: bool,
    /// Whether an AI may be used.
    #[garde(skip)]
    #[serde(default)]
    pub(crate) ai_use: bool,
    /// From when; now unless told. A time that has passed is now.
    #[garde(skip)]
    pub(crate) from: Option<Time>,
    /// Until when; until it is revoked unless told.
    #[garde(skip)]
    pub(crate) until: Option<Time>,
    /// Whether the person acts for the patient. The patient says so, or a child's guardian whom the clinic tied to the
    /// record; what the latter gives ends when the child is of age.
    #[garde(skip)]
    #[serde(default)]
    pub(crate) proxy: bool,
}

fn treatment() -> Vec<Purpose> {
    vec![Purpose::Treatment]
}

/// Give a consent
///
/// By the patient, or by who acts for the patient over the whole chart. It counts from the next request on.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/consents", tag = "consents", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = GrantConsentBody,
    responses((status = 201, body = ConsentView, description = "Given"), Problems),
)]
pub(crate) async fn grant_consent(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
    Json(body): Json<GrantConsentBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("consent.grant").entity("patient", &id);
    let asking = Asking::of(&app, &caller);
    // Decided first, so that nobody learns of accounts and chats by a record that is not theirs.
    let chart = asking.open(&id, &Action::Consent).await?;
    let (now, all) = (app.now(), consents(&id));
    let consent_id = ConsentId::generate(app.random.as_ref());
    caller.trail.entity("consent", &consent_id);
    let asked = body.asked(&caller, &chart, consent_id, now).await?;
    let given = caller.store.transact("grant-consent", async |tx| {
        let found = tx.get(&PATIENTS, id.as_str()).await?;
        let chart = asking.admit(&id, found, &Action::Consent).await?;
        let consent = asked.given_by(&caller, &tx, &chart).await?;
        let OpenChart { mut patient, .. } = chart;
        add(&mut patient, consent.clone(), now)?;
        tx.put(&PATIENTS, id.as_str(), &patient)?;
        tx.create(&all, consent.id.as_str(), &consent)?;
        Ok::<_, ApiError>(consent)
    });
    let consent = given.await?;
    let people = People::read(&app, &caller.store, named_in([&consent])).await?;
    Ok((StatusCode::CREATED, Json(ConsentView::of(consent, &people, now))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::chat::ChatType;
    use model::consent::Proxy;
    use model::patient::MOST_CONSENTS;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_consent_is_given_and_counts_at_once, what_breaks_a_rule_is_named, strangers_learn_nothing,
        only_patients_and_guardians_make_proxies, a_circle_has_room_for_so_many, two_at_once_are_both_kept,
        a_proxy_that_is_revoked_meanwhile_gives_nothing,
    }

    /// A patient with an account, a doctor who made the record, and another who has nothing to do with it.
    async fn three(app: &TestApp) -> (TestUser, TestUser, TestUser, PatientId) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Dr. Doc").await);
        let other = app.user(Role::Doctor, "Dr. Other").await;
        let id = app.patient(&doc, "Pat").await;
        app.link(&id, &pat.id).await;
        (pat, doc, other, id)
    }

    fn path(id: &PatientId) -> String {
        format!("/api/v1/patients/{id}/consents")
    }

    fn to(user: &TestUser) -> Value {
        json!({"grantee": {"type": "user", "userId": user.id}, "scope": {"type": "whole-chart"}})
    }

    fn with(mut body: Value, field: &str, value: Value) -> Value {
        body[field] = value;
        body
    }

    async fn a_consent_is_given_and_counts_at_once(app: TestApp) {
        let (pat, _, other, id) = three(&app).await;
        let body = json!({
            "grantee": {"type": "user", "userId": other.id}, "scope": {"type": "kinds", "kinds": ["vitals", "notes", "vitals"]},
            "purposes": ["research", "treatment"], "channels": ["sms"], "recording": true, "aiUse": true,
            "until": app.app.now().plus(Duration::from_secs(60)),
        });
        let given = app.post(&path(&id)).by(&pat).json(&body).expect(201).await;
        let now = app.app.now();
        let expected = json!({
            "id": given["id"], "grantee": {"type": "user", "userId": other.id}, "granteeName": "Dr. Other",
            "scope": {"type": "kinds", "kinds": ["vitals", "notes"]}, "purposes": ["treatment", "research"],
            "channels": ["sms"], "recording": true, "aiUse": true, "proxy": null, "from": now, "until": body["until"],
            "grantedBy": {"id": pat.id, "name": "Pat", "role": "Patient"}, "grantedAt": now, "revoked": null,
            "state": "active",
        });
        assert_eq!(given, expected);
        let patient = app.patient_now(&id).await;
        assert_eq!(patient.circle.consents.len(), 1);
        assert!(patient.holders.contains(&format!("u:{}", other.id)));
        let consent_id: ConsentId = given["id"].as_str().unwrap().parse().unwrap();
        let stored = app.store.get(&consents(&id), consent_id.as_str()).await.unwrap().unwrap();
        assert_eq!(stored.value, patient.circle.consents[0]);
        let entry = app.audit_log().await.pop().unwrap();
        assert_eq!((entry.action.as_str(), &entry.patients), ("consent.grant", &vec![id.clone()]));
        assert_eq!((entry.because, entry.entity_id), (vec!["own-record".to_owned()], Some(consent_id.into_string())));
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (pat, doc, other, id) = three(&app).await;
        let admin = app.user(Role::Admin, "Ada").await;
        let about = app.chat(ChatType::CareTeam, Some(id.clone()), &[&doc.id, &pat.id]).await;
        let elsewhere = app.chat(ChatType::Direct, None, &[&doc.id, &pat.id]).await;
        let whole = || to(&other);
        let grantee = |value| with(whole(), "grantee", value);
        let (past, soon) = (app.app.now(), app.app.now().plus(Duration::from_secs(10)));
        for (body, named) in [
            (grantee(json!({"type": "user", "userId": "nobody"})), "grantee.userId"),
            (grantee(json!({"type": "user", "userId": pat.id})), "grantee.userId"),
            (grantee(json!({"type": "role", "role": "Admin"})), "grantee.role"),
            (grantee(json!({"type": "role", "role": "Patient"})), "grantee.role"),
            (grantee(json!({"type": "role", "role": "Wizard"})), "grantee"),
            (with(whole(), "scope", json!({"type": "kinds", "kinds": []})), "scope.kinds"),
            (with(whole(), "scope", json!({"type": "chat", "chatId": elsewhere})), "scope.chatId"),
            (with(whole(), "scope", json!({"type": "chat", "chatId": "none"})), "scope.chatId"),
            (with(whole(), "purposes", json!([])), "purposes"),
            (with(whole(), "purposes", json!(["fun"])), "purposes[0]"),
            (with(whole(), "channels", json!(["pigeon"])), "channels[0]"),
            (with(whole(), "until", json!(past)), "until"),
            (with(with(whole(), "from", json!(soon)), "until", json!(soon)), "until"),
            (with(whole(), "validated", json!(true)), "validated"),
            (with(with(whole(), "proxy", json!(true)), "grantee", json!({"type": "care-team"})), "grantee"),
            (with(with(whole(), "proxy", json!(true)), "aiUse", json!(true)), "aiUse"),
            (with(with(whole(), "proxy", json!(true)), "recording", json!(true)), "recording"),
            (with(with(whole(), "proxy", json!(true)), "channels", json!(["sms"])), "channels"),
            (with(with(whole(), "proxy", json!(true)), "scope", json!({"type": "chat", "chatId": about})), "scope"),
        ] {
            let field = app.post(&path(&id)).by(&pat).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(field, named, "{body}");
        }
        assert!(app.patient_now(&id).await.circle.consents.is_empty());
        for body in [
            grantee(json!({"type": "user", "userId": admin.id})),
            grantee(json!({"type": "role", "role": "Nurse"})),
            grantee(json!({"type": "care-team"})),
            with(whole(), "scope", json!({"type": "chat", "chatId": about})),
            with(whole(), "from", json!("2020-01-01T00:00:00Z")),
        ] {
            let given = app.post(&path(&id)).by(&pat).json(&body).expect(201).await;
            assert_eq!(given["from"], json!(app.app.now()));
        }
    }

    async fn strangers_learn_nothing(app: TestApp) {
        let (_, doc, other, id) = three(&app).await;
        let fam = app.user(Role::Family, "Fam").await;
        let unverified = app.user_verified(Role::Nurse, "New", false).await;
        let none: PatientId = "none".parse().unwrap();
        for user in [&other, &fam] {
            let foreign = app.post(&path(&id)).by(user).json(&to(&doc)).send().await;
            let absent = app.post(&path(&none)).by(user).json(&to(&doc)).send().await;
            assert_eq!((foreign.status.as_u16(), foreign.body), (404, absent.body));
        }
        // Staff who care for the patient know the patient, and still consent to nothing.
        app.post(&path(&id)).by(&doc).json(&to(&other)).refused(403, "FORBIDDEN").await;
        for id in [&id, &none] {
            app.post(&path(id)).by(&unverified).json(&to(&doc)).refused(403, "FORBIDDEN").await;
        }
        app.post(&path(&id)).json(&to(&doc)).refused(401, "UNAUTHORIZED").await;
        assert!(app.patient_now(&id).await.circle.consents.is_empty());
    }

    async fn only_patients_and_guardians_make_proxies(app: TestApp) {
        let (pat, doc, other, id) = three(&app).await;
        let (fam, aunt) = (app.user(Role::Family, "Fam").await, app.user(Role::Family, "Aunt").await);
        let proxy = |user: &TestUser| with(to(user), "proxy", json!(true));
        let given = app.post(&path(&id)).by(&pat).json(&proxy(&fam)).expect(201).await;
        assert_eq!(given["proxy"], "adult");
        // The proxy gives consents, but for no more than it was given for, to nobody's proxy, and not to itself.
        app.post(&path(&id)).by(&fam).json(&to(&other)).expect(201).await;
        let refused = async |user: &TestUser, body: &Value| {
            app.post(&path(&id)).by(user).json(body).refused(400, "VALIDATION_ERROR").await
        };
        assert_eq!(refused(&fam, &proxy(&aunt)).await, "proxy");
        assert_eq!(refused(&fam, &with(to(&other), "purposes", json!(["research"]))).await, "purposes");
        assert_eq!(refused(&fam, &to(&fam)).await, "grantee.userId");

        // A child of five: the guardian whom the clinic tied to it may, those named by the guardian may not.
        let child = app.patient(&doc, "Kid").await;
        let key = app.app.vault.key(&app.store, &vault::Subject::Patient(child.clone())).await.unwrap();
        let place = charts::ChartPlaces::of(&app.tenant, &child).date_of_birth();
        let born = key.seal(&place, &kernel::Phi::new("2021-01-01".to_owned()));
        app.change_patient(&child, |patient| patient.date_of_birth = born.clone()).await;
        let by = doc.id.clone();
        app.consent(&child, &fam.id, |consent| {
            (consent.proxy, consent.granted_by) = (Some(Proxy::Minor), by.clone());
        })
        .await;
        let given = app.post(&path(&child)).by(&fam).json(&proxy(&aunt)).expect(201).await;
        assert_eq!(given["proxy"], "minor");
        let uncle = app.user(Role::Family, "Uncle").await;
        let refused = async |user: &TestUser, body: &Value| {
            app.post(&path(&child)).by(user).json(body).refused(400, "VALIDATION_ERROR").await
        };
        assert_eq!(refused(&aunt, &proxy(&uncle)).await, "proxy");
        assert_eq!(refused(&fam, &to(&uncle)).await, "proxy");
        app.post(&path(&child)).by(&fam).json(&to(&other)).expect(201).await;
    }

    async fn a_circle_has_room_for_so_many(app: TestApp) {
        let (pat, _, other, id) = three(&app).await;
        let until = app.app.now().plus(Duration::from_secs(100));
        app.consent(&id, &other.id, |consent| consent.until = Some(until)).await;
        app.change_patient(&id, |patient| {
            let one = patient.circle.consents[0].clone();
            patient.circle.consents = vec![one; MOST_CONSENTS];
        })
        .await;
        app.post(&path(&id)).by(&pat).json(&to(&other)).refused(400, "VALIDATION_ERROR").await;
        // What is over makes room.
        app.clock.advance(Duration::from_secs(100));
        app.post(&path(&id)).by(&pat).json(&to(&other)).expect(201).await;
        assert_eq!(app.patient_now(&id).await.circle.consents.len(), 1);
    }

    async fn a_proxy_that_is_revoked_meanwhile_gives_nothing(app: TestApp) {
        let (pat, _, other, id) = three(&app).await;
        let fam = app.user(Role::Family, "Fam").await;
        // The proxy for research ends while it gives what it may give by it alone.
        app.consent(&id, &fam.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
        let for_research = app
            .consent(&id, &fam.id, |consent| {
                (consent.proxy, consent.purposes) = (Some(Proxy::Adult), vec![Purpose::Treatment, Purpose::Research]);
            })
            .await;
        let body = with(to(&other), "purposes", json!(["research"]));
        let revoke = format!("{}/{for_research}", path(&id));
        let (given, _) =
            tokio::join!(app.post(&path(&id)).by(&fam).json(&body).send(), app.delete(&revoke).by(&pat).expect(204),);
        let status = given.status.as_u16();
        assert!(matches!(status, 201 | 400), "{}", given.body);
        let held = app.patient_now(&id).await.circle.consents;
        let gave = held.iter().any(|consent| consent.purposes == [Purpose::Research]);
        assert_eq!(gave, status == 201);
        app.post(&path(&id)).by(&fam).json(&body).refused(400, "VALIDATION_ERROR").await;
    }

    async fn two_at_once_are_both_kept(app: TestApp) {
        let (pat, doc, other, id) = three(&app).await;
        let give = |user: &TestUser| app.post(&path(&id)).by(&pat).json(&to(user)).expect(201);
        tokio::join!(give(&doc), give(&other));
        assert_eq!(app.patient_now(&id).await.circle.consents.len(), 2);
        assert_eq!(app.store.count(&consents(&id), &consents(&id).all()).await.unwrap(), 2);
    }
}
