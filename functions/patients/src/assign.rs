//! Who is assigned to a patient: a care relationship by name.

use kernel::{Time, UserId};
use model::patient::{Assigned, Patient};
use model::user::USERS;
use store::Transaction;
use web::ApiError;

use crate::rules::wrong;

/// The most people assigned to one patient.
pub(crate) const MOST_ASSIGNEES: usize = 50;

/// Refuses assignees who are no verified staff of the clinic, all in the same words: as the transaction that assigns them
/// reads it.
pub(crate) async fn must_be_staff(tx: &Transaction, assignees: &[UserId]) -> Result<(), ApiError> {
    if assignees.len() > MOST_ASSIGNEES {
        return Err(wrong("assigneeIds", format!("at most {MOST_ASSIGNEES}")));
    }
    let ids: Vec<String> = assignees.iter().map(|id| id.as_str().to_owned()).collect();
    let found = tx.get_many(&USERS, &ids).await?;
    for (index, user) in found.into_iter().enumerate() {
        if !user.is_some_and(|user| user.value.role.is_staff() && user.value.may_see_phi()) {
            return Err(wrong(&format!("assigneeIds[{index}]"), "not one of the clinic's verified staff"));
        }
    }
    Ok(())
}

/// Makes these people, and nobody else, the patient's assignees.
pub(crate) fn assign(patient: &mut Patient, assignees: &[UserId], by: &UserId, at: Time) {
    let relations = patient.circle.relations.iter_mut();
    for (_, relation) in relations.filter(|(user, _)| !assignees.contains(user)) {
        relation.assigned = None;
    }
    for user in assignees {
        patient.relate(user, |relation| {
            relation.assigned.get_or_insert_with(|| Assigned { by: by.clone(), at });
        });
    }
    patient.index_holders(at);
}
