//! What chats about a patient have to do with the patient's circle: whom they may take in, and the care relationship
//! that a Care Team chat makes.

use access::decision::Action;
use charts::Asking;
use conversations::NamedUser;
use kernel::{ChatId, PatientId, Time, UserId};
use model::chat::{Chat, ChatType};
use model::patient::{PATIENTS, Patient};
use store::{Store, Transaction};
use web::{ApiError, App};

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
pub(crate) async fn settle(tx: &Transaction, id: &ChatId, chat: &Chat, now: Time) -> Result<(), store::Error> {
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
    patient.index_holders(now);
    tx.put(&PATIENTS, patient_id.as_str(), &patient)
}
