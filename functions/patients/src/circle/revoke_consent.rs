use access::decision::Action;
use axum::extract::State;
use charts::Asking;
use http::StatusCode;
use kernel::{ConsentId, PatientId};
use model::consent::{Revoked, consents};
use model::patient::PATIENTS;
use web::{ApiError, App, Caller, Path, Problems};

/// Revoke a consent
///
/// By the patient, or by who acts for the patient over the whole chart. It counts no more from the next request, message
/// or job on. A second time changes nothing.
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
            let mut patient = asking.enter(&tx, &id, &Action::Consent).await?;
            let found = tx.get(&all, consent_id.as_str()).await?;
            let mut consent = found.ok_or_else(|| ApiError::not_found("consent"))?.value;
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
