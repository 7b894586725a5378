use accounts::{network, too_many_messages};
use kernel::Time;
use model::sign_in::{Pace, THROTTLES, Throttle};
use store::Transaction;
use vault::BlindIndex;
use web::{ApiError, ClientInfo};

/// What counts the messages to one address or number.
pub(crate) struct Throttles {
    /// The documents: of what this network asks for, and of what all ask for.
    ids: [String; 2],
}

impl Throttles {
    /// Of what is asked for by `client`. `purpose` keeps those for other messages apart.
    pub(crate) fn new(purpose: &str, index: &str, blind: &BlindIndex, client: &ClientInfo) -> Self {
        let address = network(blind, client).unwrap_or_default();
        Self { ids: [format!("{purpose}_{index}.{address}"), format!("{purpose}_{index}")] }
    }

    /// Counts a message, whether or not there is an account. Refuses what comes too fast from one network. Answers how
    /// long all others together have to wait, where they have asked for too many.
    pub(crate) async fn count(&self, tx: &Transaction, now: Time) -> Result<Option<std::time::Duration>, ApiError> {
        let mut found = tx.get_many(&THROTTLES, &self.ids).await?.into_iter().map(|doc| doc.map(|doc| doc.value));
        let (own, all) = (found.next().flatten(), found.next().flatten());
        let own = Throttle::next(own, Pace::FROM_ONE_NETWORK, now).map_err(too_many_messages)?;
        tx.put_until(&THROTTLES, &self.ids[0], &own, own.kept_until())?;
        match Throttle::next(all, Pace::FROM_ANYWHERE, now) {
            Ok(all) => {
                tx.put_until(&THROTTLES, &self.ids[1], &all, all.kept_until())?;
                Ok(None)
            }
            Err(wait) => Ok(Some(wait)),
        }
    }
}
