//! Whether two people have to do with each other, so that one may see the other in the directory.

use kernel::UserId;
use model::chat::CHATS;
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::patient::{PATIENTS, holder_of_user};
use store::Store;
use web::{ApiError, App};

/// How many chats, and how many patients, of one person are looked through.
const LOOKED_THROUGH: u32 = 200;

/// Whether the two are in a chat together, or both have to do with a patient. Costs at most three queries and two reads.
/// For two people who are in more than 200 chats each, a chat that they share may be overlooked.
pub(crate) async fn are_acquainted(app: &App, store: &Store, one: &UserId, other: &UserId) -> Result<bool, ApiError> {
    Ok(share_a_chat(store, one, other).await? || share_a_patient(app, store, one, other).await?)
}

async fn share_a_chat(store: &Store, one: &UserId, other: &UserId) -> Result<bool, ApiError> {
    let mine = active_chats(store, one).await?;
    if mine.len() < LOOKED_THROUGH as usize {
        return shares_one_of(store, mine, other).await;
    }
    let theirs = active_chats(store, other).await?;
    shares_one_of(store, theirs, one).await
}

async fn active_chats(store: &Store, user: &UserId) -> Result<Vec<Membership>, ApiError> {
    let active = MEMBERSHIPS.all().eq("userId", user.as_str()).eq("active", true).limit(LOOKED_THROUGH);
    Ok(store.query(&MEMBERSHIPS, &active).await?.into_iter().map(|doc| doc.value).collect())
}

/// Whether the person is in one of these chats, which still is.
async fn shares_one_of(store: &Store, chats: Vec<Membership>, user: &UserId) -> Result<bool, ApiError> {
    let ids: Vec<String> = chats.iter().map(|chat| membership_id(&chat.chat_id, user)).collect();
    let theirs = store.get_many(&MEMBERSHIPS, &ids).await?.into_iter().flatten().filter(|doc| doc.value.active);
    let shared: Vec<String> = theirs.map(|doc| doc.value.chat_id.into_string()).collect();
    let found = store.get_many(&CHATS, &shared).await?;
    Ok(found.into_iter().flatten().any(|doc| doc.value.deleted_at.is_none()))
}

/// Whether both are in one patient's circle, or one is the patient and the other in the circle.
async fn share_a_patient(app: &App, store: &Store, one: &UserId, other: &UserId) -> Result<bool, ApiError> {
    let (holder, wanted) = (holder_of_user(one), holder_of_user(other));
    let query = PATIENTS.all().contains("holders", holder.as_str()).limit(LOOKED_THROUGH);
    let now = app.now();
    let both = store.query(&PATIENTS, &query).await?.into_iter().any(|doc| {
        let mut patient = doc.value;
        // What is over is in the index until the next write.
        patient.index_holders(now);
        patient.deleted_at.is_none() && patient.holders.contains(&holder) && patient.holders.contains(&wanted)
    });
    Ok(both)
}
