//! Who takes part in a chat at this moment: a member of it, and, where it is about a patient, one whom the decision
//! about that patient's record lets take part.

use access::decision::Action;
use charts::Asking;
use kernel::{ChatId, UserId};
use model::chat::Chat;
use model::patient::{PATIENTS, Patient};
use store::{Doc, Store, Transaction};
use web::{ApiError, App, Code};

/// The chat that was read, for someone who takes part in it now; whoever does not learns only that there is no such
/// chat for them.
pub async fn admit(asking: &Asking<'_>, id: &ChatId, found: Option<Doc<Chat>>) -> Result<Chat, ApiError> {
    let chat = for_member(asking, found)?;
    if let Some(patient_id) = &chat.patient_id {
        let patient = asking.store().get(&PATIENTS, patient_id.as_str()).await?;
        require(asking, id, &chat, patient.map(|doc| doc.value)).await?;
    }
    Ok(chat)
}

/// The same of a chat that a transaction read: the commit fails where the patient's circle has changed by then.
pub async fn admit_in(
    asking: &Asking<'_>,
    tx: &Transaction,
    id: &ChatId,
    found: Option<Doc<Chat>>,
) -> Result<Chat, ApiError> {
    let chat = for_member(asking, found)?;
    if let Some(patient_id) = &chat.patient_id {
        let patient = tx.get(&PATIENTS, patient_id.as_str()).await?;
        require(asking, id, &chat, patient.map(|doc| doc.value)).await?;
    }
    Ok(chat)
}

/// Whether someone takes part in a chat now, by what was read of it and of the patient it is about. Leaves nothing on
/// the trail.
pub async fn takes_part(
    asking: &Asking<'_>,
    id: &ChatId,
    chat: &Chat,
    patient: Option<&Patient>,
) -> Result<bool, ApiError> {
    if !is_in(chat, asking.user()) {
        return Ok(false);
    }
    match (&chat.patient_id, patient) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(patient_id), Some(patient)) => {
            Ok(asking.decide(patient_id, patient, &Action::Chat(id.clone())).await?.is_allowed())
        }
    }
}

/// The members of a chat who take part in it now. An account that an admin has put back to unverified is told apart
/// when it asks, since the roster does not know of it.
pub async fn members_now(app: &App, store: &Store, id: &ChatId, chat: &Chat) -> Result<Vec<UserId>, ApiError> {
    let patient = match &chat.patient_id {
        Some(patient) => store.get(&PATIENTS, patient.as_str()).await?.map(|doc| doc.value),
        None => None,
    };
    let mut members = Vec::new();
    for (user, member) in chat.current_members() {
        let asking = Asking::for_person(app, store, user, member.role, true);
        if takes_part(&asking, id, chat, patient.as_ref()).await? {
            members.push(user.clone());
        }
    }
    Ok(members)
}

async fn require(asking: &Asking<'_>, id: &ChatId, chat: &Chat, patient: Option<Patient>) -> Result<(), ApiError> {
    let (Some(patient_id), Some(patient)) = (&chat.patient_id, patient) else { return Err(no_chat()) };
    match asking.require(patient_id, &patient, &Action::Chat(id.clone())).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code(), Code::NotFound | Code::Forbidden) => Err(no_chat()),
        Err(error) => Err(error),
    }
}

fn for_member(asking: &Asking<'_>, found: Option<Doc<Chat>>) -> Result<Chat, ApiError> {
    found.map(|doc| doc.value).filter(|chat| is_in(chat, asking.user())).ok_or_else(|| {
        asking.refuse("not-a-member");
        no_chat()
    })
}

fn is_in(chat: &Chat, reader: &UserId) -> bool {
    chat.deleted_at.is_none() && chat.member(reader).is_some()
}

fn no_chat() -> ApiError {
    ApiError::not_found("chat")
}
