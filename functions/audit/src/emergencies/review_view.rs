use std::collections::{BTreeSet, HashMap};

use charts::review_place;
use conversations::{NamedUser, named_users};
use kernel::{EmergencyId, PatientId, Role, Sealed, Time, UserId};
use model::emergency::{EmergencyReview, ReviewState};
use serde::Serialize;
use utoipa::ToSchema;
use vault::{Subject, SubjectKey};
use web::{ApiError, App, Caller};

/// An emergency access and what became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewView {
    /// The emergency.
    pub(crate) id: EmergencyId,
    /// Whose record was opened.
    patient_id: PatientId,
    /// Who opened it.
    user: ReviewedUser,
    /// Why; `null` where the record has been destroyed since.
    #[schema(example = "Unconscious after a fall, no relatives present.")]
    reason: Option<String>,
    /// From when.
    pub(crate) from: Time,
    /// Until when: earlier than was asked for where the review ended it.
    until: Time,
    /// Whether it runs now.
    is_running: bool,
    /// What became of it.
    state: ReviewState,
    /// Who said so.
    reviewer: Option<UserId>,
    /// When.
    reviewed_at: Option<Time>,
    /// What the reviewer said about it.
    comment: Option<String>,
}

/// Who declared an emergency.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReviewedUser {
    /// Who.
    id: UserId,
    /// The name; `null` where the account is closed.
    #[schema(example = "Dr. Dana Reyes")]
    name: Option<String>,
    /// What the person was in the clinic then.
    role: Role,
}

/// These reviews with their texts and names, in their order: two round trips at most. A named disclosure: each patient
/// goes on the trail.
pub(crate) async fn show(
    app: &App,
    caller: &Caller,
    found: Vec<(EmergencyId, EmergencyReview)>,
) -> Result<Vec<ReviewView>, ApiError> {
    let users: BTreeSet<UserId> = found.iter().map(|(_, review)| review.user_id.clone()).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let patients: BTreeSet<Subject> =
        found.iter().map(|(_, review)| Subject::Patient(review.patient_id.clone())).collect();
    let patients: Vec<Subject> = patients.into_iter().collect();
    let keys = async { app.vault.keys(&caller.store, &patients).await.map_err(ApiError::from) };
    let (named, keys) = tokio::try_join!(named_users(app, &caller.store, &users), keys)?;
    let names = named.into_iter().flatten().map(|user| (user.id.clone(), user)).collect();
    let one = |(id, review): (EmergencyId, EmergencyReview)| {
        caller.trail.patient(&review.patient_id);
        view(app, caller, id, review, &names, &keys)
    };
    found.into_iter().map(one).collect()
}

fn view(
    app: &App,
    caller: &Caller,
    id: EmergencyId,
    review: EmergencyReview,
    names: &HashMap<UserId, NamedUser>,
    keys: &HashMap<Subject, SubjectKey>,
) -> Result<ReviewView, ApiError> {
    let key = keys.get(&Subject::Patient(review.patient_id.clone()));
    let place = review_place(caller.tenant(), &id);
    let open = |field: &'static str, sealed: Option<&Sealed>| -> Result<Option<String>, ApiError> {
        match key.zip(sealed) {
            Some((key, sealed)) => Ok(Some(key.open(&place.field(field), sealed)?.into_disclosed())),
            None => Ok(None),
        }
    };
    let (reason, comment) = (open("reason", Some(&review.reason))?, open("comment", review.comment.as_ref())?);
    let name = names.get(&review.user_id).map(|user| user.name.disclose().clone());
    let now = app.now();
    Ok(ReviewView {
        patient_id: review.patient_id,
        user: ReviewedUser { id: review.user_id, name, role: review.role },
        reason,
        from: review.from,
        until: review.until,
        is_running: review.from <= now && now < review.until,
        state: review.state,
        reviewer: review.reviewer,
        reviewed_at: review.reviewed_at,
        comment,
        id,
    })
}
