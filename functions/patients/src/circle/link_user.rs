use access::decision::{Action, Decision, Reason};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use charts::{Asking, is_of_age};
use garde::Validate;
use kernel::{ConsentId, PatientId, Role, Time, UserId};
use model::consent::{Consent, DataKind, Grantee, Proxy, Purpose, Scope, consents};
use model::invitation::{
    INVITATIONS, Invitation, Invitations, PATIENT_ACCOUNTS, PatientAccount, Relationship, WRONG_CODES,
    WRONG_CODES_COUNT,
};
use model::patient::{PATIENTS, Patient};
use model::tenant::TenantPolicy;
use model::user::USERS;
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;
use vault::SubjectKey;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use super::grant_rules::add;
use super::invite::{InvitationView, hash_of, invite, is_in_care};
use crate::own_record::own_record;

/// Either who shall be invited, or the code of an invitation.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkUserBody {
    /// By a clinician: who the invited person is to the patient.
    #[garde(skip)]
    relationship: Option<Relationship>,
    /// By the invited person: the code. Case and dashes do not matter.
    #[garde(inner(length(min = 1, max = 40)))]
    #[schema(example = "7K3M9QXA2B", min_length = 1, max_length = 40)]
    code: Option<String>,
}

/// An account that is tied to a record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkedUser {
    /// The record.
    patient_id: PatientId,
    /// As whom.
    relationship: Relationship,
    /// The consent by which a guardian acts for the patient.
    consent_id: Option<ConsentId>,
}

/// Tie an account to a patient
///
/// A clinician with a care relationship makes a code, for the patient (`self`) or for the guardian of a child, and hands
/// it over in person. With the code the account is tied to the record. A code is used once, within 72 hours, while the
/// clinician still cares for the patient. After five wrong ones within an hour an account has to wait.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/link-user", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = LinkUserBody,
    responses(
        (status = 201, body = InvitationView, description = "To a clinician: the code"),
        (status = 200, body = LinkedUser, description = "To the invited person: tied"),
        (status = 409, body = web::ErrorBody, description = "The record, or the account, is tied already"),
        Problems,
    ),
)]
pub(crate) async fn link_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
    Json(body): Json<LinkUserBody>,
) -> Result<Response, ApiError> {
    match (body.relationship, body.code) {
        (Some(relationship), None) => invite(&app, &caller, &id, relationship).await,
        (None, Some(code)) => redeem(&app, &caller, &id, &code).await.map(|linked| Json(linked).into_response()),
        _ => Err(ApiError::field("code", "code: send either relationship, to make a code, or code, to use one")),
    }
}

/// Ties the caller's account. A wrong code, an expired one, one of another record and a record that is not there are
/// the same to the caller.
async fn redeem(app: &App, caller: &Caller, id: &PatientId, code: &str) -> Result<LinkedUser, ApiError> {
    caller.trail.action("patient.link-user").entity("user", caller.user()).patient(id);
    if !matches!(caller.principal.role, Role::Patient | Role::Family) {
        caller.trail.denied("staff-account");
        return Err(ApiError::forbidden("A code ties an account of a patient or a relative, not one of the staff."));
    }
    let wrong_code = || {
        caller.trail.denied("wrong-code");
        ApiError::not_found("code for this patient")
    };
    let key = match Asking::of(app, caller).key(id).await {
        Err(error) if error.code() == Code::NotFound => None,
        found => Some(found?),
    };
    let own = match own_record(caller).await {
        Err(error) if error.code() == Code::NotFound => None,
        found => Some(found?),
    };
    let tie = Tie {
        app,
        caller,
        id,
        code_hash: hash_of(&app.vault.blind_index(&caller.store).await?, id, code),
        key,
        policy: app.tenants.policy(caller.tenant()).await?,
        own,
        consent_id: ConsentId::generate(app.random.as_ref()),
        now: app.now(),
    };
    let tied = caller.store.transact("redeem-code", async |tx| tie.redeem(&tx).await).await?;
    tied.ok_or_else(wrong_code)
}

/// A code that somebody tries, with what its transaction needs.
struct Tie<'a> {
    app: &'a App,
    caller: &'a Caller,
    id: &'a PatientId,
    code_hash: String,
    /// The record's key, where there is such a record.
    key: Option<SubjectKey>,
    policy: TenantPolicy,
    /// The record that the account is tied to already.
    own: Option<PatientId>,
    consent_id: ConsentId,
    now: Time,
}

impl Tie<'_> {
    /// `None` where the code is wrong, which counts against the account in the same commit.
    async fn redeem(&self, tx: &Transaction) -> Result<Option<LinkedUser>, ApiError> {
        let user = self.caller.user().as_str();
        let mut wrong = tx.get(&WRONG_CODES, user).await?.map(|doc| doc.value).unwrap_or_default();
        if let Some(left) = wrong.wait(self.now) {
            self.caller.trail.denied("too-many-codes");
            return Err(accounts::too_many(left));
        }
        let tied = self.tie(tx).await?;
        if tied.is_none() {
            self.caller.trail.denied("wrong-code");
            wrong.add(self.now);
            tx.put_until(&WRONG_CODES, user, &wrong, self.now.plus(WRONG_CODES_COUNT))?;
        }
        Ok(tied)
    }

    /// `None` where the code is of no use, and nothing is changed.
    async fn tie(&self, tx: &Transaction) -> Result<Option<LinkedUser>, ApiError> {
        let id = self.id.as_str();
        let (invitations, patient) = tx.get_both((&INVITATIONS, id), (&PATIENTS, id)).await?;
        let standing = patient.map(|doc| doc.value).filter(|patient| patient.deleted_at.is_none());
        let (Some(mut patient), Some(invitations), Some(key)) = (standing, invitations, &self.key) else {
            return Ok(None);
        };
        let mut invitations = invitations.value;
        let Some(used) = invitations.redeem(&self.code_hash, self.now) else { return Ok(None) };
        if !self.still_cares(tx, &used.invited_by, &patient).await? {
            return Ok(None);
        }
        let consent_id = match used.relationship {
            Relationship::Own => {
                self.tie_account(tx, &mut patient).await?;
                self.caller.trail.because([Reason::OwnRecord.code()]);
                None
            }
            Relationship::Guardian => match self.tie_guardian(tx, key, &mut patient, &used)? {
                Some(consent) => {
                    self.caller.trail.because([Reason::Proxy(consent.clone()).code()]);
                    Some(consent)
                }
                // Of age by now.
                None => return Ok(None),
            },
        };
        patient.index_holders(self.now);
        self.save(tx, &invitations)?;
        tx.put(&PATIENTS, id, &patient)?;
        Ok(Some(LinkedUser { patient_id: self.id.clone(), relationship: used.relationship, consent_id }))
    }

    fn save(&self, tx: &Transaction, invitations: &Invitations) -> Result<(), store::Error> {
        tx.put_until(&INVITATIONS, self.id.as_str(), invitations, invitations.expires_at(self.now))
    }

    /// Whether who invited is still a clinician in the patient's care.
    async fn still_cares(&self, tx: &Transaction, inviter: &UserId, patient: &Patient) -> Result<bool, ApiError> {
        let Some(account) = tx.get(&USERS, inviter.as_str()).await?.map(|doc| doc.value) else { return Ok(false) };
        if !account.active || !account.role.is_clinical() {
            return Ok(false);
        }
        let asking = Asking::for_user(self.app, &self.caller.store, inviter, &account);
        let decision = asking.decide(self.id, patient, &Action::Write(DataKind::Demographics)).await?;
        Ok(matches!(decision, Decision::Allow(reasons) if is_in_care(&reasons)))
    }

    /// One account for a record, one record for an account.
    async fn tie_account(&self, tx: &Transaction, patient: &mut Patient) -> Result<(), ApiError> {
        let user = self.caller.user();
        if patient.user_id.as_ref().is_some_and(|tied| tied != user) {
            return Err(ApiError::new(Code::DuplicateEntry, "The record is tied to another account already."));
        }
        let before = tx.get(&PATIENT_ACCOUNTS, user.as_str()).await?.map(|doc| doc.value.patient_id);
        let before = before.or_else(|| self.own.clone()).filter(|other| other != self.id);
        if let Some(other) = before {
            let other = tx.get(&PATIENTS, other.as_str()).await?.map(|doc| doc.value);
            if other.is_some_and(|other| other.deleted_at.is_none() && other.user_id.as_ref() == Some(user)) {
                return Err(ApiError::new(Code::DuplicateEntry, "Your account is tied to another record already."));
            }
        }
        patient.user_id = Some(user.clone());
        Ok(tx.put(&PATIENT_ACCOUNTS, user.as_str(), &PatientAccount { patient_id: self.id.clone() })?)
    }

    /// The consent by which the caller acts for the child; `None` where the patient is no child.
    fn tie_guardian(
        &self,
        tx: &Transaction,
        key: &SubjectKey,
        patient: &mut Patient,
        used: &Invitation,
    ) -> Result<Option<ConsentId>, ApiError> {
        if is_of_age(key, self.caller.tenant(), self.id, patient, &self.policy, self.now)? {
            return Ok(None);
        }
        let grantee = Grantee::User { user_id: self.caller.user().clone() };
        let is_same =
            |held: &&Consent| held.grantee == grantee && held.proxy == Some(Proxy::Minor) && held.is_in_force(self.now);
        if let Some(held) = patient.circle.consents.iter().find(is_same) {
            return Ok(Some(held.id.clone()));
        }
        let consent = Consent {
            id: self.consent_id.clone(),
            grantee,
            scope: Scope::WholeChart,
            purposes: vec![Purpose::Treatment, Purpose::CareCoordination, Purpose::Billing],
            channels: Vec::new(),
            recording: false,
            ai_use: false,
            proxy: Some(Proxy::Minor),
            from: self.now,
            until: None,
            granted_by: used.invited_by.clone(),
            granted_at: self.now,
            revoked: None,
        };
        tx.create(&consents(self.id), consent.id.as_str(), &consent)?;
        add(patient, consent, self.now)?;
        Ok(Some(self.consent_id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use charts::ChartPlaces;
    use kernel::Phi;
    use model::chat::ChatType;
    use model::invitation::INVITATION_KEPT;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_patient_is_tied_by_a_code_once, wrong_codes_are_all_the_same_and_spoil_nothing, a_guardian_acts_for_a_child,
        an_account_has_one_record_and_a_record_one_account, only_clinicians_in_care_invite, bodies_are_checked,
        an_emergency_or_a_consent_makes_no_code, who_left_the_care_has_invited_nobody, a_code_is_not_shown_again,
    }

    fn path(id: &PatientId) -> String {
        format!("/api/v1/patients/{id}/link-user")
    }

    async fn code(app: &TestApp, by: &TestUser, id: &PatientId, relationship: &str) -> String {
        let made = app.post(&path(id)).by(by).json(&json!({"relationship": relationship})).expect(201).await;
        assert_eq!(made["relationship"], relationship);
        made["code"].as_str().unwrap().to_owned()
    }

    async fn tell(app: &TestApp, user: &TestUser, id: &PatientId, code: &str) -> (u16, Value) {
        let answer = app.post(&path(id)).by(user).json(&json!({"code": code})).send().await;
        (answer.status.as_u16(), answer.body)
    }

    async fn a_patient_is_tied_by_a_code_once(app: TestApp) {
        let (doc, pat) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Patient, "Pat").await);
        let id = app.patient(&doc, "Pat").await;
        let made = app.post(&path(&id)).by(&doc).json(&json!({"relationship": "self"})).expect(201).await;
        let code = made["code"].as_str().unwrap();
        let expires_at = app.app.now().plus(INVITATION_KEPT);
        assert_eq!(made, json!({"code": code, "expiresAt": expires_at, "relationship": "self"}));
        assert_eq!(code.len(), 10);
        // Nothing of it is stored in clear.
        let stored = app.store.get(&INVITATIONS, id.as_str()).await.unwrap().unwrap().value;
        assert!(!serde_json::to_string(&stored).unwrap().contains(code));
        // Read aloud, typed with dashes and in lower case.
        let typed = format!("{}-{}", &code[..5], &code[5..]).to_lowercase();
        let tied = json!({"patientId": id, "relationship": "self", "consentId": null});
        assert_eq!(tell(&app, &pat, &id, &typed).await, (200, tied));
        let patient = app.patient_now(&id).await;
        assert_eq!(patient.user_id.as_ref(), Some(&pat.id));
        assert!(patient.holders.contains(&format!("u:{}", pat.id)));
        assert_eq!(tell(&app, &pat, &id, code).await.0, 404, "used");
        let log = app.audit_log().await;
        let mut actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["patient.invite", "patient.link-user", "patient.link-user"]);
        assert!(log.iter().all(|entry| entry.patients == [id.clone()]));
        assert!(!serde_json::to_string(&log).unwrap().contains(code));
        app.post(&path(&id)).by(&doc).json(&json!({"relationship": "self"})).refused(409, "DUPLICATE_ENTRY").await;
    }

    async fn wrong_codes_are_all_the_same_and_spoil_nothing(app: TestApp) {
        let (doc, pat) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Patient, "Pat").await);
        let (id, other) = (app.patient(&doc, "Pat").await, app.patient(&doc, "Other").await);
        let right = code(&app, &doc, &id, "self").await;
        let expired = code(&app, &doc, &other, "self").await;
        app.clock.advance(INVITATION_KEPT - Duration::from_secs(1));
        let (doc, pat) = (app.sign_in_again(&doc).await, app.sign_in_again(&pat).await);
        let fresh = code(&app, &doc, &id, "self").await;
        app.clock.advance(Duration::from_secs(1));
        let mut answers = Vec::new();
        for (id, code) in [
            (&id, "AAAAAAAAAA"),
            (&id, &right),
            (&other, &expired),
            (&other, &fresh),
            (&"none".parse().unwrap(), &fresh),
        ] {
            answers.push(tell(&app, &pat, id, code).await);
        }
        assert_eq!(answers[0].0, 404);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        // Five in an hour, at whichever record: the sixth waits, right or wrong.
        let (status, told) = tell(&app, &pat, &id, &fresh).await;
        assert_eq!((status, &told["error"]["code"]), (429, &json!("RATE_LIMITED")));
        assert_eq!(app.patient_now(&id).await.user_id, None);
        let refused = async |word: &str| {
            let log = app.audit_log().await;
            log.iter().filter(|entry| entry.refusal.as_deref() == Some(word)).count()
        };
        assert_eq!((refused("wrong-code").await, refused("too-many-codes").await), (5, 1));
        // Nobody else has to, and an hour later the code is as good as before.
        let sam = app.user(Role::Patient, "Sam").await;
        assert_eq!(tell(&app, &sam, &id, "BBBBBBBBBB").await, answers[0]);
        app.clock.advance(Duration::from_secs(3600));
        let pat = app.sign_in_again(&pat).await;
        assert_eq!(tell(&app, &pat, &id, &fresh).await.0, 200);
    }

    /// Makes a patient one who was born on this day.
    async fn born(app: &TestApp, id: &PatientId, day: &str) {
        let key = app.app.vault.key(&app.store, &Subject::Patient(id.clone())).await.unwrap();
        let sealed = key.seal(&ChartPlaces::of(&app.tenant, id).date_of_birth(), &Phi::new(day.to_owned()));
        app.change_patient(id, |patient| patient.date_of_birth = sealed.clone()).await;
    }

    async fn a_guardian_acts_for_a_child(app: TestApp) {
        let (doc, mum) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Family, "Mum").await);
        let id = app.patient(&doc, "Kid").await;
        let body = json!({"relationship": "guardian"});
        let field = app.post(&path(&id)).by(&doc).json(&body).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "relationship", "of age");
        born(&app, &id, "2008-01-17").await;
        let (first, second) = (code(&app, &doc, &id, "guardian").await, code(&app, &doc, &id, "guardian").await);
        let (status, tied) = tell(&app, &mum, &id, &second).await;
        assert_eq!((status, &tied["relationship"]), (200, &json!("guardian")));
        let consents_path = format!("/api/v1/patients/{id}/consents");
        let list = app.get(&consents_path).by(&mum).expect(200).await;
        let expected = json!({
            "id": tied["consentId"], "grantee": {"type": "user", "userId": mum.id}, "granteeName": "Mum",
            "scope": {"type": "whole-chart"}, "purposes": ["treatment", "care-coordination", "billing"],
            "channels": [], "recording": false, "aiUse": false, "proxy": "minor", "from": app.app.now(),
            "until": null, "grantedBy": {"id": doc.id, "name": "Doc", "role": "Doctor"},
            "grantedAt": app.app.now(), "revoked": null, "state": "active",
        });
        assert_eq!(list["data"], json!([expected]));
        // The other code is the other parent's; in the same hands it changes nothing.
        assert_eq!(tell(&app, &mum, &id, &first).await.1["consentId"], tied["consentId"]);
        // Two days later the child is of age: the proxy ends, and a code that was made before is of no use.
        let late = code(&app, &doc, &id, "guardian").await;
        app.clock.advance(Duration::from_secs(2 * 24 * 3600));
        let mum = app.sign_in_again(&mum).await;
        app.get(&consents_path).by(&mum).refused(404, "NOT_FOUND").await;
        assert_eq!(tell(&app, &mum, &id, &late).await.0, 404);
    }

    async fn an_account_has_one_record_and_a_record_one_account(app: TestApp) {
        let (doc, pat) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Patient, "Pat").await);
        let other = app.user(Role::Patient, "Other").await;
        let (one, two) = (app.patient(&doc, "One").await, app.patient(&doc, "Two").await);
        let (first, second) = (code(&app, &doc, &one, "self").await, code(&app, &doc, &two, "self").await);
        assert_eq!(tell(&app, &pat, &one, &first).await.0, 200);
        assert_eq!(tell(&app, &pat, &two, &second).await.0, 409);
        // The code was not used up by that.
        assert_eq!(tell(&app, &other, &two, &second).await.0, 200);
        // A record that was tied in another way counts as well, a deleted one no more.
        let (three, four) = (app.patient(&doc, "Three").await, app.patient(&doc, "Four").await);
        let third = app.user(Role::Patient, "Third").await;
        app.link(&three, &third.id).await;
        let fourth = code(&app, &doc, &four, "self").await;
        assert_eq!(tell(&app, &third, &four, &fourth).await.0, 409);
        let now = app.app.now();
        app.change_patient(&three, |patient| patient.deleted_at = Some(now)).await;
        assert_eq!(tell(&app, &third, &four, &fourth).await.0, 200);
        // Two codes of two records at once: one of them wins.
        let (five, six) = (app.patient(&doc, "Five").await, app.patient(&doc, "Six").await);
        let last = app.user(Role::Patient, "Last").await;
        let (a, b) = (code(&app, &doc, &five, "self").await, code(&app, &doc, &six, "self").await);
        let (a, b) = tokio::join!(tell(&app, &last, &five, &a), tell(&app, &last, &six, &b));
        let mut statuses = [a.0, b.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }

    async fn only_clinicians_in_care_invite(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let (pat, desk) = (app.user(Role::Patient, "Pat").await, app.user(Role::Receptionist, "Desk").await);
        let new = app.user_verified(Role::Doctor, "New", false).await;
        let id = app.patient(&doc, "Pat").await;
        let body = json!({"relationship": "self"});
        for user in [&pat, &desk, &new] {
            app.post(&path(&id)).by(user).json(&body).refused(403, "FORBIDDEN").await;
        }
        let foreign = app.post(&path(&id)).by(&nurse).json(&body).send().await;
        let none = app.post(&path(&"none".parse().unwrap())).by(&nurse).json(&body).send().await;
        assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
        let right = code(&app, &doc, &id, "self").await;
        assert_eq!(tell(&app, &nurse, &id, &right).await.0, 403, "staff does not use codes");
        assert_eq!(tell(&app, &pat, &id, &right).await.0, 200);
    }

    async fn an_emergency_or_a_consent_makes_no_code(app: TestApp) {
        let (doc, er) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Doctor, "Er").await);
        let second = app.user(Role::Doctor, "Second").await;
        let id = app.patient(&doc, "Pat").await;
        app.consent(&id, &second.id, |_| ()).await;
        let glass = json!({"reason": "Unconscious after a fall."});
        app.post(&format!("/api/v1/patients/{id}/break-glass")).by(&er).json(&glass).expect(201).await;
        for user in [&er, &second] {
            for relationship in ["self", "guardian"] {
                let body = json!({"relationship": relationship});
                app.post(&path(&id)).by(user).json(&body).refused(403, "FORBIDDEN").await;
            }
        }
        assert_eq!(app.store.count(&INVITATIONS, &INVITATIONS.all()).await.unwrap(), 0);
        let denied = app.audit_log().await.into_iter().filter(|entry| entry.refusal.as_deref() == Some("not-in-care"));
        assert_eq!(denied.count(), 4);
    }

    async fn who_left_the_care_has_invited_nobody(app: TestApp) {
        let (doc, pat) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Patient, "Pat").await);
        let nurse = app.user(Role::Nurse, "Nia").await;
        let id = app.patient(&doc, "Pat").await;
        let chat = app.chat(ChatType::CareTeam, Some(id.clone()), &[&doc.id, &nurse.id]).await;
        let right = code(&app, &nurse, &id, "self").await;
        app.change_patient(&id, |patient| {
            patient.relate(&nurse.id, |relation| assert!(relation.chats.remove(&chat)));
        })
        .await;
        let wrong = tell(&app, &pat, &id, "AAAAAAAAAA").await;
        assert_eq!(tell(&app, &pat, &id, &right).await, wrong);
        assert_eq!((wrong.0, app.patient_now(&id).await.user_id), (404, None));
        app.change_patient(&id, |patient| {
            patient.relate(&nurse.id, |relation| assert!(relation.chats.insert(chat.clone())));
        })
        .await;
        assert_eq!(tell(&app, &pat, &id, &right).await.0, 200);
    }

    async fn a_code_is_not_shown_again(app: TestApp) {
        let doc = app.user(Role::Doctor, "Doc").await;
        let id = app.patient(&doc, "Pat").await;
        let body = json!({"relationship": "self"});
        let ask = || app.post(&path(&id)).by(&doc).header("idempotency-key", "k1").json(&body).send();
        let code = ask().await.body["code"].as_str().unwrap().to_owned();
        let again = ask().await;
        assert!(!again.status.is_success() && !again.body.to_string().contains(&code), "{}", again.body);
    }

    async fn bodies_are_checked(app: TestApp) {
        let doc = app.user(Role::Doctor, "Doc").await;
        let id = app.patient(&doc, "Pat").await;
        for (body, named) in [
            (json!({}), "code"),
            (json!({"relationship": "self", "code": "7K3M9QXA2B"}), "code"),
            (json!({"relationship": "friend"}), "relationship"),
            (json!({"code": ""}), "code"),
            (json!({"code": "x".repeat(41)}), "code"),
            (json!({"userId": doc.id}), "userId"),
        ] {
            let field = app.post(&path(&id)).by(&doc).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(field, named, "{body}");
        }
    }
}
