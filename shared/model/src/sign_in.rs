//! How people sign in: what an account knows beside its password, failed attempts, and codes.

use std::time::Duration;

use kernel::{OtpRequestId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::user::User;

/// How many client addresses an account remembers.
const KNOWN_ADDRESSES: usize = 5;

/// What an account knows of signing in, beside the password. Part of [`crate::user::User`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignIn {
    /// Whether an outside issuer made the account. Its people sign in there: it gets no password and no codes here.
    pub outside: bool,
    /// When the e-mail address was shown to be the user's.
    pub email_verified_at: Option<Time>,
    /// When the telephone number was.
    pub phone_verified_at: Option<Time>,
    /// When the password was last changed; tokens for setting one from before are void.
    pub password_changed_at: Option<Time>,
    /// The blind indexes of the networks from which someone last signed in, the newest last.
    pub known_addresses: Vec<String>,
    /// The second factor.
    pub mfa: Option<Mfa>,
    /// A second factor that waits to be confirmed.
    pub mfa_offered: Option<MfaOffer>,
}

impl SignIn {
    /// Whether someone has signed in from this network before.
    pub fn knows(&self, address: &str) -> bool {
        self.known_addresses.iter().any(|known| known == address)
    }

    /// Remembers a network from which someone signed in.
    pub fn remember(&mut self, address: &str) {
        self.known_addresses.retain(|known| known != address);
        self.known_addresses.push(address.to_owned());
        if self.known_addresses.len() > KNOWN_ADDRESSES {
            self.known_addresses.remove(0);
        }
    }
}

/// A second factor: time-based codes of an app (RFC 6238), and codes for the day the app is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mfa {
    /// Sealed under the user's key: the shared secret, in base32.
    pub secret: Sealed,
    /// Since when.
    pub since: Time,
    /// The time step of the last code that was taken; it and those before are taken no more.
    pub last_step: u64,
    /// The keyed hashes of the backup codes that were not used.
    pub backup_codes: Vec<String>,
}

/// A second factor that was offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MfaOffer {
    /// Sealed under the user's key: the shared secret, in base32.
    pub secret: Sealed,
    /// When.
    pub at: Time,
}

/// For how long failed attempts count together, and after a lock, how long it takes until they are forgotten.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const FIRST_LOCK: Duration = Duration::from_secs(30);
const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);

/// Failed attempts to sign in: to one account, from one network, or by one user in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// How many failed.
    pub failures: u32,
    /// When the first of them did.
    pub since: Time,
    /// Until when no attempt is heard.
    pub locked_until: Option<Time>,
}

impl Attempts {
    /// One more failure. From the `most`-th within 15 minutes on each locks: the first one for 30 seconds, every further
    /// one for twice as long, up to 15 minutes.
    #[must_use]
    pub fn fail(before: Option<Self>, most: u32, now: Time) -> Self {
        let counted = before.filter(|attempts| !attempts.are_forgotten(now));
        let mut attempts = counted.unwrap_or(Self { failures: 0, since: now, locked_until: None });
        attempts.failures = attempts.failures.saturating_add(1);
        if let Some(further) = attempts.failures.checked_sub(most) {
            let lock = FIRST_LOCK.saturating_mul(1 << further.min(10)).min(LONGEST_LOCK);
            attempts.locked_until = Some(now.plus(lock));
        }
        attempts
    }

    /// What is left once `by` failures do not count any more; `None` where nothing is. Below `most` there is no lock.
    #[must_use]
    pub fn less(mut self, by: u32, most: u32) -> Option<Self> {
        self.failures = self.failures.saturating_sub(by);
        if self.failures < most {
            self.locked_until = None;
        }
        (self.failures > 0).then_some(self)
    }

    /// How long the lock lasts from now; `None` where there is none.
    pub fn locked_for(&self, now: Time) -> Option<Duration> {
        self.locked_until.map(|until| until.since(now)).filter(|left| !left.is_zero())
    }

    /// When they are forgotten.
    pub fn kept_until(&self) -> Time {
        self.locked_until.unwrap_or(self.since).plus(WINDOW)
    }

    fn are_forgotten(&self, now: Time) -> bool {
        now >= self.kept_until()
    }
}

/// Failed attempts: `i_` and the blind index of the address or number given, whether or not it has an account; `a_` and the
/// blind index of the client's network; `p_` and both of these, for that address or number from that network; `u_` and the user's id for what a signed-in user fails at.
pub const ATTEMPTS: Collection<Attempts> = Collection::top("sign-in-attempts", &[]).expiring();

/// The label of the blind index of a client's network.
pub const ADDRESS_INDEX: &str = "client.address";

/// By what a code is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identifier {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtpPurpose {
    /// Signing in.
    Login,
    /// Showing that an address or number is one's own.
    Verify,
}

/// How long a code is good.
pub const OTP_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How often a wrong code may be given for one request.
pub const OTP_ATTEMPTS: u32 = 5;

/// A code that was asked for; made alike whether or not there is an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtpRequest {
    /// By what it was asked for.
    pub by: Identifier,
    /// The blind index of the address or number.
    pub index: String,
    /// What for.
    pub purpose: OtpPurpose,
    /// The channel that was wished for.
    pub channel: Option<kernel::Channel>,
    /// The blind index of the network that asked last, where it is known.
    #[serde(default)]
    pub network: Option<String>,
    /// Whether so many codes were asked for that one goes out only where the account knows the network.
    #[serde(default)]
    pub for_known_only: bool,
    /// Whose account: known from the start for [`OtpPurpose::Verify`], else once the code is made, and never where there
    /// is no account.
    pub user_id: Option<UserId>,
    /// The code's keyed hash, once it is made.
    pub code_hash: Option<String>,
    /// How often a wrong code was given.
    pub attempts: u32,
    /// How often the code was sent again.
    pub round: u32,
    /// When it was asked for.
    pub created_at: Time,
    /// When it stops being good.
    pub expires_at: Time,
}

impl OtpRequest {
    /// Whether a code may still be given for it.
    pub fn is_open(&self, now: Time) -> bool {
        now < self.expires_at && self.attempts < OTP_ATTEMPTS
    }

    /// Whether an account is one that a code of it may go to: one of an outside issuer is not signed in to here.
    pub fn is_good_for(&self, account: &User) -> bool {
        match self.purpose {
            OtpPurpose::Login => account.may_sign_in_here(),
            OtpPurpose::Verify => account.may_sign_in(),
        }
    }
}

/// Codes asked for, by [`OtpRequestId`].
pub const OTP_REQUESTS: Collection<OtpRequest> = Collection::top("otp-requests", &[]).expiring();

/// What a code is hashed with, so that a code of one request is none of another.
pub fn otp_text(request: &OtpRequestId, code: &str) -> String {
    format!("{request} {code}")
}

/// The label of a code's keyed hash.
pub const OTP_INDEX: &str = "otp.code";

const HOUR: Duration = Duration::from_secs(3600);

/// How fast messages may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many in an hour.
    pub an_hour: u32,
    /// How long after the last one.
    pub between: Duration,
}

impl Pace {
    /// To one address or number from one network.
    pub const FROM_ONE_NETWORK: Self = Self { an_hour: 5, between: Duration::from_secs(60) };
    /// To one address or number, from wherever: more, so that a stranger cannot use up what its owner may ask for.
    pub const FROM_ANYWHERE: Self = Self { an_hour: 20, between: Duration::ZERO };
}

/// How often messages were asked for to one address or number, account or not: from one network, or in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttle {
    /// When this hour began.
    pub since: Time,
    /// How many in it.
    pub count: u32,
    /// When the last one was.
    pub last_at: Time,
}

impl Throttle {
    /// One more message now, where the pace allows one. Else how long to wait.
    pub fn next(before: Option<Self>, pace: Pace, now: Time) -> Result<Self, Duration> {
        let Some(before) = before.filter(|before| now.since(before.since) < HOUR) else {
            return Ok(Self { since: now, count: 1, last_at: now });
        };
        if before.count >= pace.an_hour {
            return Err(before.since.plus(HOUR).since(now));
        }
        let ready = before.last_at.plus(pace.between);
        if now < ready {
            return Err(ready.since(now));
        }
        Ok(Self { count: before.count + 1, last_at: now, ..before })
    }

    /// Until when it matters.
    pub fn kept_until(&self) -> Time {
        self.since.plus(HOUR)
    }
}

/// Throttles: `code_` or `reset_` and the blind index of the address or number; then, where it counts what one network
/// asks for, a dot and the blind index of the network.
pub const THROTTLES: Collection<Throttle> = Collection::top("message-throttles", &[]).expiring();

/// The accounts that have shown a telephone number to be theirs. A family may share one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneOwners {
    /// Which.
    pub user_ids: Vec<UserId>,
}

/// Verified telephone numbers, by blind index.
pub const PHONE_OWNERS: Collection<PhoneOwners> = Collection::top("phone-owners", &[]);

/// The label of a telephone number's blind index.
pub const PHONE_INDEX: &str = "user.phone";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Time {
        Time::from_millis(secs * 1000)
    }

    #[test]
    fn locks_grow_and_end() {
        let mut attempts = None;
        let mut fail = |secs| {
            let failed = Attempts::fail(attempts.clone(), 5, at(secs));
            attempts = Some(failed.clone());
            failed.locked_for(at(secs)).map(|lock| lock.as_secs())
        };
        assert_eq!([0, 1, 2, 3].map(&mut fail), [None; 4]);
        assert_eq!([10, 40, 100].map(&mut fail), [Some(30), Some(60), Some(120)]);
        assert_eq!(
            [300, 600, 1100, 2000, 2900].map(&mut fail),
            [Some(240), Some(480), Some(900), Some(900), Some(900)]
        );
        // The last lock ends at 3800; a quarter of an hour later all is forgotten.
        assert_eq!(fail(3801 + 15 * 60), None);
    }

    #[test]
    fn failures_far_apart_do_not_lock() {
        let mut attempts = None;
        for n in 0..20 {
            attempts = Some(Attempts::fail(attempts, 5, at(n * 15 * 60)));
        }
        assert_eq!(attempts.unwrap().failures, 1);
    }

    #[test]
    fn messages_are_throttled() {
        let wait = |result: Result<Throttle, Duration>| result.unwrap_err().as_secs();
        let next = |before, secs| Throttle::next(before, Pace::FROM_ONE_NETWORK, at(secs));
        let mut throttle = next(None, 0).unwrap();
        assert_eq!(wait(next(Some(throttle.clone()), 59)), 1);
        for n in 1..5 {
            throttle = next(Some(throttle), n * 60).unwrap();
        }
        assert_eq!(wait(next(Some(throttle.clone()), 600)), 3000);
        assert_eq!(next(Some(throttle), 3600).unwrap().count, 1);
    }

    #[test]
    fn failures_that_do_not_count_end_a_lock() {
        let mut attempts = None;
        for _ in 0..6 {
            attempts = Some(Attempts::fail(attempts, 5, at(0)));
        }
        let locked = attempts.unwrap();
        assert!(locked.clone().less(1, 5).unwrap().locked_for(at(0)).is_some());
        let open = locked.clone().less(2, 5).unwrap();
        assert_eq!((open.failures, open.locked_for(at(0))), (4, None));
        assert_eq!(locked.less(7, 5), None);
    }

    #[test]
    fn the_last_networks_are_known() {
        let mut sign_in = SignIn::default();
        for n in 0..7 {
            sign_in.remember(&n.to_string());
        }
        sign_in.remember("3");
        assert_eq!(sign_in.known_addresses, ["2", "4", "5", "6", "3"]);
        assert!(sign_in.knows("2") && !sign_in.knows("1"));
    }
}
