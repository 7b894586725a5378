use std::net::IpAddr;
use std::time::Duration;

use kernel::{Time, UserId};
use model::sign_in::{ADDRESS_INDEX, ATTEMPTS, Attempts};
use store::{Store, Transaction};
use vault::BlindIndex;
use web::{ApiError, ClientInfo, Code};

/// How many failures lock what they are counted for.
const MOST_FOR_ACCOUNT: u32 = 5;
const MOST_FROM_ADDRESS: u32 = 20;

/// One count of failed attempts, in the store, so that it holds for all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    id: String,
    most: u32,
}

impl Counter {
    /// Attempts at an address or number by its blind index, whether or not it has an account.
    pub fn of_identifier(index: &str) -> Self {
        Self { id: format!("i_{index}"), most: MOST_FOR_ACCOUNT }
    }

    /// Attempts from a client's network; see [`network`].
    pub fn of_address(address: &str) -> Self {
        Self { id: format!("a_{address}"), most: MOST_FROM_ADDRESS }
    }

    /// Attempts at an address or number from one network, whether or not it has an account and knows the network.
    pub fn of_pair(index: &str, address: &str) -> Self {
        Self { id: format!("p_{index}.{address}"), most: MOST_FOR_ACCOUNT }
    }

    /// What only someone can fail at who is past the password or signed in: second factors, and the password asked for
    /// once more.
    pub fn of_user(user: &UserId) -> Self {
        Self { id: format!("u_{user}"), most: MOST_FOR_ACCOUNT }
    }

    /// The id of its document in [`ATTEMPTS`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Refuses while it is locked, as it is by the commit: guesses that were sent at once have been counted by then.
    pub async fn must_be_open(&self, tx: &Transaction, now: Time) -> Result<(), ApiError> {
        let found = tx.get(&ATTEMPTS, &self.id).await?;
        found.and_then(|doc| doc.value.locked_for(now)).map_or(Ok(()), |left| Err(too_many(left)))
    }

    /// Takes back failures that turned out to be no guesses, from what is stored.
    pub fn take_back(&self, tx: &Transaction, stored: Attempts, failures: u32) -> Result<(), store::Error> {
        match stored.less(failures, self.most) {
            Some(left) => tx.put_until(&ATTEMPTS, &self.id, &left, left.kept_until()),
            None => {
                self.clear(tx);
                Ok(())
            }
        }
    }

    /// Forgets its failures.
    pub fn clear(&self, tx: &Transaction) {
        tx.delete(&ATTEMPTS, &self.id);
    }
}

/// The blind index of the client's network: its IPv4 address, or the /64 of its IPv6 address, all of which one customer
/// has. `None` where the address is not known.
pub fn network(blind: &BlindIndex, client: &ClientInfo) -> Option<String> {
    let network = match client.ip.as_deref()?.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{:x}", ip.to_bits() >> 64),
    };
    Some(blind.exact(ADDRESS_INDEX, &network))
}

/// How long each counter is locked, in one read.
pub async fn locked(store: &Store, counters: &[Counter], now: Time) -> Result<Vec<Option<Duration>>, store::Error> {
    let ids: Vec<String> = counters.iter().map(|counter| counter.id.clone()).collect();
    let found = store.get_many(&ATTEMPTS, &ids).await?;
    Ok(found.into_iter().map(|doc| doc?.value.locked_for(now)).collect())
}

/// Counts one failure on each counter. Whether a lock begins by it.
pub async fn fail(tx: &Transaction, counters: &[Counter], now: Time) -> Result<bool, store::Error> {
    let ids: Vec<String> = counters.iter().map(|counter| counter.id.clone()).collect();
    let found = tx.get_many(&ATTEMPTS, &ids).await?;
    let mut locks = false;
    for (counter, before) in counters.iter().zip(found) {
        let failed = Attempts::fail(before.map(|doc| doc.value), counter.most, now);
        locks |= failed.locked_for(now).is_some();
        tx.put_until(&ATTEMPTS, &counter.id, &failed, failed.kept_until())?;
    }
    Ok(locks)
}

/// The answer while a lock lasts; the same for accounts that do not exist.
pub fn too_many(left: Duration) -> ApiError {
    wait("Too many attempts failed.", left)
}

/// The answer to whoever asks for messages too fast; the same for accounts that do not exist.
pub fn too_many_messages(left: Duration) -> ApiError {
    wait("A message was asked for before.", left)
}

fn wait(why: &str, left: Duration) -> ApiError {
    let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    ApiError::new(Code::RateLimited, format!("{why} Try again in {seconds} seconds.")).retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use testkit::TestApp;

    use super::*;

    #[tokio::test]
    async fn a_network_is_what_one_customer_has() {
        let app = TestApp::on_sqlite(Vec::new()).await;
        let blind = app.app.vault.blind_index(&app.store).await.unwrap();
        let of = |ip: &str| network(&blind, &ClientInfo { ip: Some(ip.to_owned()), user_agent: None });
        assert_eq!(of("203.0.113.7"), of("::ffff:203.0.113.7"));
        assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!((of("x"), network(&blind, &ClientInfo::default())), (None, None));
        assert!(!of("203.0.113.7").unwrap().contains("203"));
    }
}
