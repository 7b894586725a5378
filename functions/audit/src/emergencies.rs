//! Emergency accesses to patients' records, and their reviews.

mod list_reviews;
mod review_emergency;
mod review_view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{ApiError, App, Caller};

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_reviews::list_reviews)).routes(routes!(review_emergency::review_emergency))
}

/// Lets admins and the clinic's privacy officers pass, and says on the trail which of these the caller is.
async fn must_review(app: &App, caller: &Caller) -> Result<(), ApiError> {
    caller.must_see_phi()?;
    if caller.principal.role.is_admin() {
        caller.trail.because([access::decision::Reason::Admin.code()]);
        return Ok(());
    }
    if app.tenants.policy(caller.tenant()).await?.privacy_officers.contains(caller.user()) {
        caller.trail.because(["privacy-officer".to_owned()]);
        return Ok(());
    }
    caller.trail.denied("not-a-reviewer");
    Err(ApiError::forbidden("Emergencies are reviewed by administrators and the clinic's privacy officers."))
}

#[cfg(test)]
pub(crate) mod testing {
    use std::time::Duration;

    use charts::review_place;
    use kernel::{EmergencyId, PatientId, Phi, Role};
    use model::emergency::{EmergencyReview, REVIEWS, ReviewState};
    use model::patient::Emergency;
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    /// An emergency of an hour that this doctor declared, as declaring it leaves it.
    pub(crate) async fn declared(app: &TestApp, doctor: &TestUser, patient: &PatientId) -> EmergencyId {
        let id = EmergencyId::generate(app.app.random.as_ref());
        let key = app.app.vault.key(&app.store, &Subject::Patient(patient.clone())).await.unwrap();
        let (from, until) = (app.app.now(), app.app.now().plus(Duration::from_secs(3600)));
        let review = EmergencyReview {
            patient_id: patient.clone(),
            user_id: doctor.id.clone(),
            role: Role::Doctor,
            reason: key.seal(&review_place(&app.tenant, &id).field("reason"), &Phi::new("A canary fell.".to_owned())),
            from,
            until,
            state: ReviewState::Waiting,
            reviewer: None,
            reviewed_at: None,
            comment: None,
        };
        app.store.transact("test-review", async |tx| tx.create(&REVIEWS, id.as_str(), &review)).await.unwrap();
        let emergency = Emergency { id: id.clone(), user_id: doctor.id.clone(), from, until };
        app.change_patient(patient, |patient| patient.circle.emergencies.push(emergency.clone())).await;
        id
    }
}
