use axum::extract::State;
use charts::review_place;
use garde::Validate;
use kernel::{EmergencyId, Phi, Sealed, Time};
use model::emergency::{EmergencyReview, REVIEWS, ReviewState};
use model::patient::PATIENTS;
use serde::Deserialize;
use store::Transaction;
use utoipa::ToSchema;
use vault::Subject;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use super::must_review;
use super::review_view::{ReviewView, show};

/// What a reviewer says.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewBody {
    /// Whether the emergency was one.
    #[garde(skip)]
    decision: ReviewDecision,
    /// What there is to say about it.
    #[garde(inner(length(chars, min = 1, max = 1000)))]
    #[schema(example = "The patient was admitted that night.", min_length = 1, max_length = 1000)]
    comment: Option<String>,
}

/// Whether an emergency was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ReviewDecision {
    /// It was.
    Justified,
    /// It was not. The access ends at once, if it still runs.
    NotJustified,
}

/// Review an emergency access
///
/// By an admin or a privacy officer who is not the one who declared it. One that was not justified ends at once.
#[utoipa::path(
    post, path = "/api/v1/break-glass/reviews/{reviewId}", tag = "emergency access", security(("bearer" = [])),
    params(("reviewId" = EmergencyId, Path, description = "The emergency")),
    request_body = ReviewBody,
    responses(
        (status = 200, body = ReviewView, description = "Reviewed"),
        (status = 409, body = web::ErrorBody, description = "It was reviewed already; `details.state` says how"),
        Problems,
    ),
)]
pub(crate) async fn review_emergency(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<EmergencyId>,
    Json(body): Json<ReviewBody>,
) -> Result<Json<ReviewView>, ApiError> {
    caller.trail.action("break-glass.review").entity("break-glass-review", &id);
    must_review(&app, &caller).await?;
    let found = caller.store.get(&REVIEWS, id.as_str()).await?;
    let review = found.ok_or_else(|| ApiError::not_found("emergency access"))?.value;
    caller.trail.patient(&review.patient_id);
    must_be_another(&caller, &review)?;
    let said = Said {
        state: match body.decision {
            ReviewDecision::Justified => ReviewState::Justified,
            ReviewDecision::NotJustified => ReviewState::NotJustified,
        },
        comment: sealed(&app, &caller, &id, &review, body.comment).await?,
        now: app.now(),
    };
    let reviewed = caller.store.transact("review-emergency", async |tx| said.enter(&tx, &caller, &id).await).await?;
    let mut shown = show(&app, &caller, vec![(id, reviewed)]).await?;
    shown.pop().map(Json).ok_or_else(|| ApiError::not_found("emergency access"))
}

fn must_be_another(caller: &Caller, review: &EmergencyReview) -> Result<(), ApiError> {
    if review.user_id != *caller.user() {
        return Ok(());
    }
    caller.trail.denied("own-emergency");
    Err(ApiError::forbidden("You declared this emergency yourself: somebody else reviews it."))
}

async fn sealed(
    app: &App,
    caller: &Caller,
    id: &EmergencyId,
    review: &EmergencyReview,
    comment: Option<String>,
) -> Result<Option<Sealed>, ApiError> {
    let Some(comment) = comment else { return Ok(None) };
    match app.vault.key(&caller.store, &Subject::Patient(review.patient_id.clone())).await {
        Ok(key) => Ok(Some(key.seal(&review_place(caller.tenant(), id).field("comment"), &Phi::new(comment)))),
        Err(vault::Error::KeyMissing { .. }) => {
            let message = "comment: the record has been destroyed, and nothing can be said about it; leave it out";
            Err(ApiError::field("comment", message))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a reviewer said, ready to be written.
struct Said {
    state: ReviewState,
    comment: Option<Sealed>,
    now: Time,
}

impl Said {
    /// The review as it is then. An access that was not justified ends in the same commit.
    async fn enter(&self, tx: &Transaction, caller: &Caller, id: &EmergencyId) -> Result<EmergencyReview, ApiError> {
        let found = tx.get(&REVIEWS, id.as_str()).await?;
        let mut review = found.ok_or_else(|| ApiError::not_found("emergency access"))?.value;
        if review.state != ReviewState::Waiting {
            let error = ApiError::new(Code::DuplicateEntry, "This emergency access was reviewed already.");
            return Err(error.detail("state", review.state.name()));
        }
        if self.state == ReviewState::NotJustified && self.now < review.until {
            review.until = self.now;
            let patient_id = review.patient_id.as_str();
            if let Some(mut patient) = tx.get(&PATIENTS, patient_id).await?.map(|doc| doc.value) {
                patient.circle.emergencies.retain(|emergency| emergency.id != *id);
                patient.index_holders(self.now);
                tx.put(&PATIENTS, patient_id, &patient)?;
            }
        }
        review.state = self.state;
        review.reviewer = Some(caller.user().clone());
        review.reviewed_at = Some(self.now);
        review.comment.clone_from(&self.comment);
        tx.put(&REVIEWS, id.as_str(), &review)?;
        Ok(review)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::tenant::TENANTS;
    use serde_json::{Value, json};
    use store::Key;
    use testkit::{TestApp, TestResponse, TestUser};

    use super::*;
    use crate::emergencies::testing::declared;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        what_was_justified_goes_on_and_what_was_not_ends, it_is_reviewed_once, only_others_who_may_review_it,
        what_breaks_a_rule_is_named,
    }

    async fn review(app: &TestApp, by: &TestUser, id: &EmergencyId, body: Value) -> TestResponse {
        app.post(&format!("/api/v1/break-glass/reviews/{id}")).by(by).json(&body).send().await
    }

    async fn what_was_justified_goes_on_and_what_was_not_ends(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Admin, "Ada").await);
        let (one, two) = (app.patient(&ada, "One").await, app.patient(&ada, "Two").await);
        let (good, bad) = (declared(&app, &doc, &one).await, declared(&app, &doc, &two).await);
        app.clock.advance(Duration::from_secs(60));
        let now = app.app.now();
        let answer = review(&app, &ada, &good, json!({"decision": "justified"})).await;
        let until = now.plus(Duration::from_secs(3540));
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        assert_eq!((&answer.body["state"], &answer.body["until"]), (&json!("justified"), &json!(until)));
        assert_eq!(app.patient_now(&one).await.circle.emergencies.len(), 1);

        let body = json!({"decision": "not-justified", "comment": "No canary was there."});
        let answer = review(&app, &ada, &bad, body).await.body;
        let expected = json!({
            "id": bad, "patientId": two, "user": {"id": doc.id, "name": "Doc", "role": "Doctor"},
            "reason": "A canary fell.", "from": now.minus(Duration::from_secs(60)), "until": now, "isRunning": false,
            "state": "not-justified", "reviewer": ada.id, "reviewedAt": now, "comment": "No canary was there.",
        });
        assert_eq!(answer, expected);
        let patient = app.patient_now(&two).await;
        assert!(patient.circle.emergencies.is_empty() && !patient.holders.contains(&format!("u:{}", doc.id)));
        let key = Key::new(REVIEWS.path(), bad.as_str());
        let stored = app.store.get_keys(&[key]).await.unwrap().pop().flatten().unwrap();
        assert!(!serde_json::to_string(&stored.fields).unwrap().contains("canary"));
        let log = app.audit_log().await;
        let about = |patient: &kernel::PatientId| {
            log.iter().filter(|entry| entry.patients == std::slice::from_ref(patient)).count()
        };
        assert_eq!((about(&one), about(&two), log.len()), (1, 1, 2));
        assert!(log.iter().all(|entry| entry.action == "break-glass.review" && entry.because == ["admin"]));
    }

    async fn it_is_reviewed_once(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Admin, "Ada").await);
        let bob = app.user(Role::ClinicAdmin, "Bob").await;
        let patient = app.patient(&doc, "Pat").await;
        let id = declared(&app, &doc, &patient).await;
        let (a, b) = tokio::join!(
            review(&app, &ada, &id, json!({"decision": "justified"})),
            review(&app, &bob, &id, json!({"decision": "not-justified"}))
        );
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let stored = app.store.get(&REVIEWS, id.as_str()).await.unwrap().unwrap().value;
        let late = review(&app, &ada, &id, json!({"decision": "justified"})).await;
        assert_eq!(late.body["error"]["details"]["state"], stored.state.name());
        // One whose time is over keeps its end.
        let id = declared(&app, &doc, &app.patient(&doc, "Next").await).await;
        app.clock.advance(Duration::from_secs(7200));
        let ada = app.sign_in_again(&ada).await;
        let answer = review(&app, &ada, &id, json!({"decision": "not-justified"})).await;
        assert_eq!(answer.body["until"], json!(app.app.now().minus(Duration::from_secs(3600))));
    }

    async fn only_others_who_may_review_it(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let ada = app.user(Role::Admin, "Ada").await;
        let id = declared(&app, &doc, &app.patient(&doc, "Pat").await).await;
        let justified = || json!({"decision": "justified"});
        assert_eq!(review(&app, &nurse, &id, justified()).await.status.as_u16(), 403);
        let none = "none".parse().unwrap();
        assert_eq!(review(&app, &ada, &none, justified()).await.status.as_u16(), 404);
        // Being a privacy officer makes nobody the judge of their own case.
        let mut tenant = app.app.tenants.registry().get(&TENANTS, app.tenant.as_str()).await.unwrap().unwrap().value;
        tenant.policy.privacy_officers = vec![doc.id.clone(), nurse.id.clone()];
        app.app.tenants.register(&app.tenant, &tenant).await.unwrap();
        app.clock.advance(Duration::from_secs(61));
        assert_eq!(review(&app, &doc, &id, justified()).await.status.as_u16(), 403);
        let denied = app.audit_log().await.into_iter().any(|entry| entry.refusal.as_deref() == Some("own-emergency"));
        assert!(denied);
        assert_eq!(review(&app, &nurse, &id, justified()).await.status.as_u16(), 200);
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Admin, "Ada").await);
        let id = declared(&app, &doc, &app.patient(&doc, "Pat").await).await;
        for (body, named) in [
            (json!({}), "decision"),
            (json!({"decision": "waiting"}), "decision"),
            (json!({"decision": "justified", "comment": ""}), "comment"),
            (json!({"decision": "justified", "comment": "x".repeat(1001)}), "comment"),
            (json!({"decision": "justified", "until": "now"}), "until"),
        ] {
            let answer = review(&app, &ada, &id, body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.body["error"]["details"]["field"]),
                (400, &json!(named)),
                "{body}"
            );
        }
    }
}
