use access::decision::{Action, Decision, Reason};
use axum::extract::State;
use charts::{Asking, OpenChart, is_of_age};
use http::StatusCode;
use kernel::{ConsentId, PatientId};
use model::consent::{Consent, DataKind, Grantee, Proxy, Revoked, consents};
use model::patient::{PATIENTS, Patient};
use model::user::USERS;
use store::Transaction;
use web::{ApiError, App, Caller, Path, Problems};

use super::invite::is_in_care;

/// Revoke a consent
///
/// By the patient. Who acts for the patient over the whole chart revokes what they gave, and their own. A guardianship
/// that the clinic made is ended by clinicians with a care relationship, or by the patient once of age. It counts no more
/// from the next request, message or job on. A second time changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/patients/{patientId}/consents/{consentId}", tag = "consents", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("consentId" = ConsentId, Path, description = "The consent"),
    ),
    responses((status = 204, description = "Revoked"), Problems),
)]
pub(crate) async fn revoke_consent(
    State(app): State<App>,
    caller: Caller,
    Path((id, consent_id)): Path<(PatientId, ConsentId)>,
) -> Result<StatusCode, ApiError> {
    caller.trail.action("consent.revoke").entity("consent", &consent_id);
    let asking = Asking::of(&app, &caller);
    let (now, all) = (app.now(), consents(&id));
    let revoked = Revoked { at: now, by: caller.user().clone() };
    caller
        .store
        .transact("revoke-consent", async |tx| {
            let found = tx.get(&PATIENTS, id.as_str()).await?;
            let may_consent = match &found {
                Some(found) => asking.decide(&id, &found.value, &Action::Consent).await?.is_allowed(),
                None => false,
            };
            let action = if may_consent || !caller.principal.role.is_clinical() { Action::Consent } else { STAFF };
            let chart = asking.admit(&id, found, &action).await?;
            let found = tx.get(&all, consent_id.as_str()).await?;
            let mut consent = found.ok_or_else(|| ApiError::not_found("consent"))?.value;
            let revoking = Revoking { app: &app, caller: &caller, asking: &asking, chart: &chart, may_consent };
            revoking.must_be_for(&tx, &consent).await?;
            let OpenChart { mut patient, .. } = chart;
            if consent.revoked.is_none() {
                consent.revoked = Some(revoked.clone());
                patient.circle.consents.retain(|held| held.id != consent_id);
                patient.index_holders(now);
                tx.put(&PATIENTS, id.as_str(), &patient)?;
                tx.put(&all, consent_id.as_str(), &consent)?;
            }
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What clinicians may do with a record where they may end a guardianship, as where they may make one.
const STAFF: Action = Action::Write(DataKind::Demographics);

/// Someone who revokes a consent.
struct Revoking<'a> {
    app: &'a App,
    caller: &'a Caller,
    asking: &'a Asking<'a>,
    chart: &'a OpenChart,
    /// Whether it is the patient, or who acts for the patient over the whole chart.
    may_consent: bool,
}

impl Revoking<'_> {
    async fn must_be_for(&self, tx: &Transaction, consent: &Consent) -> Result<(), ApiError> {
        let is_patient = self.may_consent && self.chart.reasons.contains(&Reason::OwnRecord);
        let (may, message) = if is_of_the_clinic(tx, consent).await? {
            let may = (is_patient && self.is_of_age().await?) || self.is_staff_in_care(&self.chart.patient).await?;
            (
                may,
                "The clinic made this guardianship. Its clinicians who care for the patient end it, or the patient once of age.",
            )
        } else {
            let is_theirs = consent.granted_by == *self.caller.user() || self.is_own(consent);
            let message = "You can revoke the consents that you gave, and your own. The patient can revoke all.";
            (is_patient || (self.may_consent && is_theirs), message)
        };
        if may {
            return Ok(());
        }
        self.caller.trail.denied("not-theirs-to-revoke");
        Err(ApiError::forbidden(message))
    }

    fn is_own(&self, consent: &Consent) -> bool {
        matches!(&consent.grantee, Grantee::User { user_id } if user_id == self.caller.user())
    }

    async fn is_of_age(&self) -> Result<bool, ApiError> {
        let OpenChart { id, patient, key, .. } = self.chart;
        let policy = self.app.tenants.policy(self.caller.tenant()).await?;
        is_of_age(key, self.caller.tenant(), id, patient, &policy, self.app.now())
    }

    async fn is_staff_in_care(&self, patient: &Patient) -> Result<bool, ApiError> {
        let decision = self.asking.decide(&self.chart.id, patient, &STAFF).await?;
        let is_clinical = self.caller.principal.role.is_clinical();
        Ok(is_clinical && matches!(decision, Decision::Allow(reasons) if is_in_care(&reasons)))
    }
}

/// Whether the clinic's staff made this a guardianship, rather than another guardian. One whose maker is gone counts as
/// the clinic's.
async fn is_of_the_clinic(tx: &Transaction, consent: &Consent) -> Result<bool, ApiError> {
    if consent.proxy != Some(Proxy::Minor) {
        return Ok(false);
    }
    let maker = tx.get(&USERS, consent.granted_by.as_str()).await?;
    Ok(maker.is_none_or(|maker| maker.value.role.is_staff()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::consent::Proxy;
    use serde_json::json;
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_revocation_counts_at_once, only_who_may_consent_may_revoke, granting_and_revoking_at_once_loses_neither,
        a_proxy_revokes_its_own_and_what_it_gave, the_clinics_guardianship_is_ended_by_its_staff,
    }

    async fn two(app: &TestApp) -> (TestUser, TestUser, PatientId) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        let id = app.patient(&doc, "Pat").await;
        app.link(&id, &pat.id).await;
        (pat, doc, id)
    }

    fn path(id: &PatientId, consent: &ConsentId) -> String {
        format!("/api/v1/patients/{id}/consents/{consent}")
    }

    async fn a_revocation_counts_at_once(app: TestApp) {
        let (pat, _, id) = two(&app).await;
        let fam = app.user(Role::Family, "Fam").await;
        let consent = app.consent(&id, &fam.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
        let consents_path = format!("/api/v1/patients/{id}/consents");
        app.get(&consents_path).by(&fam).expect(200).await;
        app.delete(&path(&id, &consent)).by(&pat).expect(204).await;
        app.get(&consents_path).by(&fam).refused(404, "NOT_FOUND").await;
        let patient = app.patient_now(&id).await;
        assert!(patient.circle.consents.is_empty() && !patient.holders.contains(&format!("u:{}", fam.id)));
        let stored = || async { app.store.get(&consents(&id), consent.as_str()).await.unwrap().unwrap().value.revoked };
        let first = Revoked { at: app.app.now(), by: pat.id.clone() };
        assert_eq!(stored().await, Some(first.clone()));
        // A second time keeps the first.
        app.clock.advance(Duration::from_secs(60));
        app.delete(&path(&id, &consent)).by(&pat).expect(204).await;
        assert_eq!(stored().await, Some(first));
        let log = app.audit_log().await;
        assert!(log.iter().any(|entry| entry.action == "consent.revoke" && entry.patients == [id.clone()]));
    }

    async fn only_who_may_consent_may_revoke(app: TestApp) {
        let (pat, doc, id) = two(&app).await;
        let (stranger, fam) = (app.user(Role::Patient, "Sam").await, app.user(Role::Family, "Fam").await);
        let consent = app.consent(&id, &fam.id, |_| ()).await;
        app.delete(&path(&id, &consent)).by(&stranger).refused(404, "NOT_FOUND").await;
        app.delete(&path(&id, &consent)).by(&fam).refused(403, "FORBIDDEN").await;
        app.delete(&path(&id, &consent)).by(&doc).refused(403, "FORBIDDEN").await;
        app.delete(&path(&id, &consent)).refused(401, "UNAUTHORIZED").await;
        assert_eq!(app.patient_now(&id).await.circle.consents.len(), 1);
        let none = "none".parse().unwrap();
        app.delete(&path(&id, &none)).by(&pat).refused(404, "NOT_FOUND").await;
        // One of another record is not there under this one.
        let other = app.patient(&doc, "Other").await;
        let elsewhere = app.consent(&other, &fam.id, |_| ()).await;
        app.delete(&path(&id, &elsewhere)).by(&pat).refused(404, "NOT_FOUND").await;
        assert_eq!(app.patient_now(&other).await.circle.consents.len(), 1);
    }

    async fn a_proxy_revokes_its_own_and_what_it_gave(app: TestApp) {
        let (pat, doc, id) = two(&app).await;
        let (fam, aunt) = (app.user(Role::Family, "Fam").await, app.user(Role::Family, "Aunt").await);
        let by = pat.id.clone();
        let of_fam = app
            .consent(&id, &fam.id, |consent| (consent.proxy, consent.granted_by) = (Some(Proxy::Adult), by.clone()))
            .await;
        let of_aunt = app
            .consent(&id, &aunt.id, |consent| (consent.proxy, consent.granted_by) = (Some(Proxy::Adult), by.clone()))
            .await;
        let by_fam = fam.id.clone();
        let given = app.consent(&id, &doc.id, |consent| consent.granted_by = by_fam.clone()).await;
        app.delete(&path(&id, &of_aunt)).by(&fam).refused(403, "FORBIDDEN").await;
        app.delete(&path(&id, &given)).by(&aunt).refused(403, "FORBIDDEN").await;
        let log = app.audit_log().await;
        assert_eq!(log.iter().filter(|entry| entry.refusal.as_deref() == Some("not-theirs-to-revoke")).count(), 2);
        app.delete(&path(&id, &given)).by(&fam).expect(204).await;
        app.delete(&path(&id, &of_fam)).by(&fam).expect(204).await;
        app.delete(&path(&id, &of_aunt)).by(&pat).expect(204).await;
        assert!(app.patient_now(&id).await.circle.consents.is_empty());
    }

    async fn the_clinics_guardianship_is_ended_by_its_staff(app: TestApp) {
        let (pat, doc, id) = two(&app).await;
        let (mum, dad) = (app.user(Role::Family, "Mum").await, app.user(Role::Family, "Dad").await);
        let (er, desk) = (app.user(Role::Doctor, "Er").await, app.user(Role::Receptionist, "Desk").await);
        app.change_patient(&id, |patient| patient.relate(&desk.id, |relation| relation.created = true)).await;
        let glass = json!({"reason": "Unconscious after a fall."});
        app.post(&format!("/api/v1/patients/{id}/break-glass")).by(&er).json(&glass).expect(201).await;
        let born = async |day: &str| {
            let key = app.app.vault.key(&app.store, &vault::Subject::Patient(id.clone())).await.unwrap();
            let place = charts::ChartPlaces::of(&app.tenant, &id).date_of_birth();
            let sealed = key.seal(&place, &kernel::Phi::new(day.to_owned()));
            app.change_patient(&id, |patient| patient.date_of_birth = sealed.clone()).await;
        };
        born("2015-01-01").await;
        let guardian = async |user: &TestUser| {
            let by = doc.id.clone();
            app.consent(&id, &user.id, |c| (c.proxy, c.granted_by) = (Some(Proxy::Minor), by.clone())).await
        };
        let (of_mum, of_dad) = (guardian(&mum).await, guardian(&dad).await);
        // Neither parent puts out the other, nor does the child, nor who does not care for it.
        for user in [&dad, &pat, &er, &desk] {
            app.delete(&path(&id, &of_mum)).by(user).refused(403, "FORBIDDEN").await;
        }
        app.delete(&path(&id, &of_dad)).by(&doc).expect(204).await;
        app.get(&format!("/api/v1/patients/{id}/consents")).by(&dad).refused(404, "NOT_FOUND").await;
        born("2000-01-01").await;
        app.delete(&path(&id, &of_mum)).by(&pat).expect(204).await;
        assert!(app.patient_now(&id).await.circle.consents.is_empty());
    }

    async fn granting_and_revoking_at_once_loses_neither(app: TestApp) {
        let (pat, doc, id) = two(&app).await;
        let fam = app.user(Role::Family, "Fam").await;
        let consent = app.consent(&id, &fam.id, |_| ()).await;
        let body = json!({"grantee": {"type": "user", "userId": doc.id}, "scope": {"type": "whole-chart"}});
        let give = app.post(&format!("/api/v1/patients/{id}/consents")).by(&pat).json(&body).expect(201);
        let (given, _) = tokio::join!(give, app.delete(&path(&id, &consent)).by(&pat).expect(204));
        let held: Vec<_> = app.patient_now(&id).await.circle.consents.into_iter().map(|c| c.id.to_string()).collect();
        assert_eq!(json!(held), json!([given["id"]]));
    }
}
