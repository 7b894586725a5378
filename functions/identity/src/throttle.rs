use accounts::too_many_messages;
use kernel::Time;
use model::sign_in::{THROTTLES, Throttle};
use store::Transaction;
use web::ApiError;

/// Counts a message to an address or number, whether or not it has an account; refuses what comes too soon.
pub(crate) async fn throttle(tx: &Transaction, id: &str, now: Time) -> Result<(), ApiError> {
    let before = tx.get(&THROTTLES, id).await?.map(|doc| doc.value);
    let next = Throttle::next(before, now).map_err(too_many_messages)?;
    Ok(tx.put_until(&THROTTLES, id, &next, next.kept_until())?)
}
