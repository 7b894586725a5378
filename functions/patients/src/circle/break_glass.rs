use std::time::Duration;

use access::decision::Reason;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::{Asking, review_place};
use events::Emit;
use garde::Validate;
use http::StatusCode;
use kernel::{EmergencyId, PatientId, Phi, Time};
use model::emergency::{EmergencyReview, REVIEWS, ReviewState};
use model::event::GlassBroken;
use model::patient::{Emergency, LONGEST_EMERGENCY, MRN_OWNERS, PATIENTS, Patient};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use crate::mrn::Mrn;

/// The most minutes: [`LONGEST_EMERGENCY`].
const MOST_MINUTES: u32 = 240;
const _: () = assert!(LONGEST_EMERGENCY.as_secs() == MOST_MINUTES as u64 * 60);

/// An emergency.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BreakGlassBody {
    /// Why the record has to be seen now. The reviewers read it.
    #[garde(custom(says_something))]
    #[schema(example = "Unconscious after a fall, no relatives present.", min_length = 10, max_length = 1000)]
    reason: String,
    /// For how many minutes; 60 unless told.
    #[garde(range(min = 1, max = MOST_MINUTES))]
    #[schema(minimum = 1, maximum = 240)]
    minutes: Option<u32>,
    /// A code of the second factor, where the account has one.
    #[garde(inner(length(max = 40)))]
    #[schema(example = "123456", max_length = 40)]
    mfa_code: Option<String>,
}

/// An emergency access that has begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmergencyView {
    /// The emergency: its review's id too.
    id: EmergencyId,
    /// The patient.
    patient_id: PatientId,
    /// From when.
    from: Time,
    /// Until when.
    until: Time,
    /// For people.
    #[schema(
        example = "You can see the record now. Your access is logged, the patient can see it, and it will be reviewed."
    )]
    message: &'static str,
}

/// Declare an emergency
///
/// A verified clinician sees the record at once, by role and for treatment, for a limited time. The patient is named by
/// id or by medical record number. The privacy officers are told, the patient sees it in the access log, and somebody
/// else reviews it.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/break-glass", tag = "emergency access", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient, or a medical record number")),
    request_body = BreakGlassBody,
    responses(
        (status = 201, body = EmergencyView, description = "Begun"),
        (status = 409, body = web::ErrorBody, description = "One is running; `details.until` says until when"),
        Problems,
    ),
)]
pub(crate) async fn break_glass(
    State(app): State<App>,
    caller: Caller,
    Path(given): Path<PatientId>,
    Json(body): Json<BreakGlassBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("patient.break-glass").purpose(model::consent::Purpose::Treatment);
    caller.must_see_phi()?;
    if !caller.principal.role.is_clinical() {
        caller.trail.denied("not-a-clinician");
        return Err(ApiError::forbidden("Only clinicians can declare an emergency."));
    }
    let stepped_up = accounts::step_up(&app, &caller, body.mfa_code.as_deref()).await;
    stepped_up.inspect_err(|_| {
        caller.trail.denied("no-second-factor");
    })?;
    let id = find(&app, &caller, &given).await?;
    caller.trail.entity("patient", &id).patient(&id);
    let broken = Broken::new(&app, &caller, &id, &body).await?;
    broken.enter(&app, &caller).await?;
    let Emergency { id: emergency, from, until, .. } = broken.emergency;
    let message = "You can see the record now. Your access is logged, the patient can see it, and it will be reviewed.";
    Ok((StatusCode::CREATED, Json(EmergencyView { id: emergency, patient_id: id, from, until, message })))
}

/// The patient with this id, else with this MRN. Nothing of what was given goes into the audit log before it is known
/// to be an id.
async fn find(app: &App, caller: &Caller, given: &PatientId) -> Result<PatientId, ApiError> {
    let stands = |patient: &Patient| patient.deleted_at.is_none();
    let by_id = caller.store.get(&PATIENTS, given.as_str()).await?;
    if by_id.is_some_and(|doc| stands(&doc.value)) {
        return Ok(given.clone());
    }
    let none = || {
        caller.trail.denied("no-such-patient");
        ApiError::not_found("patient")
    };
    let mrn = Mrn::read(given.as_str()).map_err(|_| none())?;
    let index = mrn.index(&app.vault.blind_index(&caller.store).await?);
    let owner = caller.store.get(&MRN_OWNERS, &index).await?.map(|doc| doc.value.patient_id);
    owner.ok_or_else(none)
}

/// What declaring an emergency writes.
struct Broken {
    patient: PatientId,
    emergency: Emergency,
    review: EmergencyReview,
}

impl Broken {
    async fn new(app: &App, caller: &Caller, patient: &PatientId, body: &BreakGlassBody) -> Result<Self, ApiError> {
        let key = Asking::of(app, caller).key(patient).await.inspect_err(|error| note(caller, error))?;
        let id = EmergencyId::generate(app.random.as_ref());
        let from = app.now();
        let until = from.plus(Duration::from_secs(u64::from(body.minutes.unwrap_or(60)) * 60));
        let reason = Phi::new(body.reason.trim().to_owned());
        let review = EmergencyReview {
            patient_id: patient.clone(),
            user_id: caller.user().clone(),
            role: caller.principal.role,
            reason: key.seal(&review_place(caller.tenant(), &id).field("reason"), &reason),
            from,
            until,
            state: ReviewState::Waiting,
            reviewer: None,
            reviewed_at: None,
            comment: None,
        };
        let emergency = Emergency { id, user_id: caller.user().clone(), from, until };
        Ok(Self { patient: patient.clone(), emergency, review })
    }

    /// The access, its review and the event that tells of it, in one commit with the audit entry.
    async fn enter(&self, app: &App, caller: &Caller) -> Result<(), ApiError> {
        let Self { patient: id, emergency, review } = self;
        let told = app.occurs(GlassBroken {
            emergency_id: emergency.id.clone(),
            patient_id: id.clone(),
            user_id: emergency.user_id.clone(),
        });
        let entered = caller
            .store
            .transact("break-glass", async |tx| {
                let found = tx.get(&PATIENTS, id.as_str()).await?.map(|doc| doc.value);
                let standing = found.filter(|patient| patient.deleted_at.is_none());
                let mut patient = standing.ok_or_else(|| ApiError::not_found("patient"))?;
                let mut running = patient.circle.emergencies.iter();
                if let Some(own) = running.find(|e| e.user_id == emergency.user_id && emergency.from < e.until) {
                    return Err(is_running(own.until));
                }
                // On the entry that goes along with this commit, and on none of a refusal.
                caller.trail.because([Reason::BreakGlass(emergency.id.clone()).code()]);
                patient.circle.emergencies.push(emergency.clone());
                patient.index_holders(emergency.from);
                tx.put(&PATIENTS, id.as_str(), &patient)?;
                tx.create(&REVIEWS, emergency.id.as_str(), review)?;
                Ok(tx.emit(&told)?)
            })
            .await;
        entered.inspect_err(|error| note(caller, error))
    }
}

/// Leaves in the audit log that an emergency was declared in vain.
fn note(caller: &Caller, error: &ApiError) {
    match error.code() {
        Code::NotFound => caller.trail.denied("no-such-patient"),
        Code::DuplicateEntry => caller.trail.denied("already-running"),
        _ => &caller.trail,
    };
}

fn is_running(until: Time) -> ApiError {
    let message = format!("You have emergency access to this record until {until} already. It cannot be prolonged.");
    ApiError::new(Code::DuplicateEntry, message).detail("until", until.to_string())
}

fn says_something(text: &str, _: &()) -> garde::Result {
    match text.trim().chars().count() {
        10..=1000 => Ok(()),
        _ => Err(garde::Error::new("reason: 10 to 1,000 characters that say why")),
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::event::{Event, OUTBOX};
    use model::sign_in::Mfa;
    use model::user::USERS;
    use serde_json::json;
    use store::Key;
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_clinician_sees_the_record_at_once_and_for_its_time, a_second_one_prolongs_nothing,
        only_verified_clinicians_and_only_patients_there_are, the_reason_is_sealed_and_the_event_names_nobody,
        what_breaks_a_rule_is_named, two_at_once_begin_one, an_account_with_a_second_factor_shows_it,
    }

    async fn break_it(app: &TestApp, user: &TestUser, id: &str, minutes: Option<u32>) -> testkit::TestResponse {
        let mut body = json!({"reason": "Unconscious after a canary fall."});
        if let Some(minutes) = minutes {
            body["minutes"] = minutes.into();
        }
        app.post(&format!("/api/v1/patients/{id}/break-glass")).by(user).json(&body).send().await
    }

    async fn a_clinician_sees_the_record_at_once_and_for_its_time(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        let path = format!("/api/v1/patients/{id}/access");
        app.get(&path).by(&nurse).refused(404, "NOT_FOUND").await;
        let answer = break_it(&app, &nurse, id.as_str(), None).await;
        let (from, until) = (app.app.now(), app.app.now().plus(Duration::from_secs(3600)));
        let expected = json!({
            "id": answer.body["id"], "patientId": id, "from": from, "until": until,
            "message": answer.body["message"],
        });
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &expected));
        app.get(&path).by(&nurse).expect(200).await;
        let log = app.audit_log().await;
        let entry = log.iter().find(|entry| entry.action == "patient.break-glass").unwrap();
        let because = format!("break-glass:{}", answer.body["id"].as_str().unwrap());
        assert_eq!((&entry.patients, &entry.because), (&vec![id.clone()], &vec![because.clone()]));
        assert!(log.iter().any(|entry| entry.action == "access.list" && entry.because == [because.clone()]));
        app.clock.advance(Duration::from_secs(3600));
        let nurse = app.sign_in_again(&nurse).await;
        app.get(&path).by(&nurse).refused(404, "NOT_FOUND").await;
    }

    async fn a_second_one_prolongs_nothing(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        let first = break_it(&app, &nurse, id.as_str(), Some(5)).await;
        let second = break_it(&app, &nurse, id.as_str(), Some(240)).await;
        let error = &second.body["error"];
        assert_eq!((second.status.as_u16(), &error["details"]["until"]), (409, &first.body["until"]));
        let log = app.audit_log().await;
        let denied: Vec<_> = log.iter().filter(|entry| entry.refusal.is_some()).collect();
        assert_eq!((denied.len(), denied[0].refusal.as_deref()), (1, Some("already-running")));
        assert_eq!((&denied[0].patients, denied[0].because.len()), (&vec![id.clone()], 0));
        // Somebody else's is one of its own, and after its end there can be another.
        assert_eq!(break_it(&app, &doc, id.as_str(), Some(5)).await.status.as_u16(), 201);
        app.clock.advance(Duration::from_secs(300));
        assert_eq!(break_it(&app, &nurse, id.as_str(), Some(240)).await.status.as_u16(), 201);
        assert_eq!(app.patient_now(&id).await.circle.emergencies.len(), 1, "what is over is gone");
        assert_eq!(app.store.count(&REVIEWS, &REVIEWS.all()).await.unwrap(), 3);
    }

    async fn only_verified_clinicians_and_only_patients_there_are(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        for role in [Role::Receptionist, Role::Admin, Role::Patient, Role::Family] {
            let user = app.user(role, "X").await;
            assert_eq!(break_it(&app, &user, id.as_str(), None).await.status.as_u16(), 403, "{role}");
        }
        let new = app.user_verified(Role::Doctor, "New", false).await;
        assert_eq!(break_it(&app, &new, id.as_str(), None).await.status.as_u16(), 403);
        assert_eq!(break_it(&app, &nurse, "none", None).await.status.as_u16(), 404);
        assert!(app.patient_now(&id).await.circle.emergencies.is_empty());
        // By the number on a bracelet, in upper or lower case.
        let index = Mrn::read("MRN-7").unwrap().index(&app.app.vault.blind_index(&app.store).await.unwrap());
        let owner = model::patient::MrnOwner { patient_id: id.clone() };
        app.store.transact("test-mrn", async |tx| tx.put(&MRN_OWNERS, &index, &owner)).await.unwrap();
        assert_eq!(break_it(&app, &nurse, "mrn-7", None).await.body["patientId"], json!(id));
        let now = app.app.now();
        app.change_patient(&id, |patient| patient.deleted_at = Some(now)).await;
        for given in [id.as_str(), "mrn-7"] {
            assert_eq!(break_it(&app, &doc, given, None).await.status.as_u16(), 404);
        }
        // What was typed and is no patient's is nowhere in the log.
        let log = serde_json::to_string(&app.audit_log().await).unwrap();
        assert!(!log.contains("none\"") && !log.to_lowercase().contains("mrn-7"), "{log}");
    }

    async fn the_reason_is_sealed_and_the_event_names_nobody(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        let answer = break_it(&app, &nurse, id.as_str(), None).await;
        let key = Key::new(REVIEWS.path(), answer.body["id"].as_str().unwrap());
        let stored = app.store.get_keys(&[key]).await.unwrap().pop().flatten().unwrap();
        let text = serde_json::to_string(&stored.fields).unwrap();
        assert!(!text.contains("canary") && text.contains("waiting"), "{text}");
        let logged = serde_json::to_string(&app.audit_log().await).unwrap();
        assert!(!logged.contains("canary"));
        let waiting = app.store.query(&OUTBOX, &OUTBOX.all()).await.unwrap();
        for event in waiting.into_iter().filter(|doc| doc.value.name == GlassBroken::NAME) {
            assert!(!event.value.data.to_string().contains("Pat"), "{}", event.value.data);
        }
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let doc = app.user(Role::Doctor, "Doc").await;
        let id = app.patient(&doc, "Pat").await;
        let reason = "Unconscious after a fall.";
        for (body, named) in [
            (json!({"reason": "urgent"}), "reason"),
            (json!({"reason": "          \n"}), "reason"),
            (json!({"reason": "x".repeat(1001)}), "reason"),
            (json!({"reason": reason, "minutes": 0}), "minutes"),
            (json!({"reason": reason, "minutes": 241}), "minutes"),
            (json!({"reason": reason, "mfaCode": "1".repeat(41)}), "mfaCode"),
            (json!({"reason": reason, "until": "2030-01-01T00:00:00Z"}), "until"),
            (json!({}), "reason"),
        ] {
            let path = format!("/api/v1/patients/{id}/break-glass");
            let field = app.post(&path).by(&doc).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(field, named, "{body}");
        }
    }

    async fn an_account_with_a_second_factor_shows_it(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        let key = app.app.vault.key(&app.store, &Subject::User(nurse.id.clone())).await.unwrap();
        let blind = app.app.vault.blind_index(&app.store).await.unwrap();
        let random = app.app.random.as_ref();
        let secret = accounts::SharedSecret::generate(random).unwrap().seal(&key, &app.tenant, &nurse.id);
        let (codes, hashes) = accounts::backup_codes(random, &blind, &nurse.id);
        let mfa = Mfa { secret, since: app.app.now(), last_step: 0, backup_codes: hashes };
        let turn_on = app.store.transact("test-mfa", async |tx| {
            let mut account = tx.get(&USERS, nurse.id.as_str()).await?.unwrap().value;
            account.sign_in.mfa = Some(mfa.clone());
            tx.put(&USERS, nurse.id.as_str(), &account)
        });
        turn_on.await.unwrap();
        let path = format!("/api/v1/patients/{id}/break-glass");
        let send = async |code: Option<&str>| {
            let body = json!({"reason": "Unconscious after a fall.", "mfaCode": code});
            app.post(&path).by(&nurse).json(&body).send().await
        };
        for code in [None, Some("AAAA-BBBB-CCCC")] {
            let refused = send(code).await;
            let details = &refused.body["error"]["details"];
            assert_eq!((refused.status.as_u16(), &details["mfaRequired"]), (403, &json!(true)), "{}", refused.body);
        }
        assert!(app.patient_now(&id).await.circle.emergencies.is_empty());
        assert_eq!(send(Some(&codes[0])).await.status.as_u16(), 201);
    }

    async fn two_at_once_begin_one(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let id = app.patient(&doc, "Pat").await;
        let (a, b) = tokio::join!(break_it(&app, &nurse, id.as_str(), None), break_it(&app, &nurse, id.as_str(), None));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        assert_eq!(app.store.count(&REVIEWS, &REVIEWS.all()).await.unwrap(), 1);
    }
}
