use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kernel::{Clock, TenantId, Time, UserId};
use lru::LruCache;
use parking_lot::Mutex;

use crate::{ApiError, App, Caller, ClientInfo, Code};

/// How many clients are remembered; who is forgotten for a newer one begins anew.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();
const MINUTE_MICROS: i64 = 60_000_000;
/// Where passwords and codes can be guessed,
const AUTH: &str = "/api/v1/auth/";
/// but for what takes a token that nobody guesses, and what clients behind one address do all day.
const BY_TOKEN: [&str; 4] = ["refresh", "logout", "logout-all", "sessions"];
/// Paths of the platform itself: probes, metrics, and the triggers, which have callers with tokens of their own.
const FREE: [&str; 3] = ["/health", "/metrics", "/triggers"];

/// How many requests are served in a minute; 0: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// From one address.
    pub per_minute: u32,
    /// From one address, below `/api/v1/auth/`: where passwords and codes can be guessed.
    pub auth_per_minute: u32,
    /// Uploads of one user.
    pub uploads_per_minute: u32,
}

/// Counts requests against [`RateLimits`], in this instance alone. (What must hold over all instances is counted in the
/// store: failed sign-ins are.)
pub struct Limits {
    all: Allowance<Origin>,
    auth: Allowance<Origin>,
    uploads: Allowance<(TenantId, UserId)>,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(limits: RateLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            all: Allowance::new(limits.per_minute),
            auth: Allowance::new(limits.auth_per_minute),
            uploads: Allowance::new(limits.uploads_per_minute),
            clock,
        }
    }

    /// Takes one upload from the caller's allowance. For operations that take files, before they read them.
    pub fn upload(&self, caller: &Caller) -> Result<(), ApiError> {
        let who = (caller.tenant().clone(), caller.user().clone());
        self.uploads.take(who, self.clock.now()).map_err(|wait| too_many("uploads", wait))
    }

    /// Takes one request from an address's allowances.
    fn request(&self, path: &str, client: &ClientInfo) -> Result<(), ApiError> {
        if FREE.iter().any(|free| path.strip_prefix(free).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        {
            return Ok(());
        }
        let (origin, now) = (Origin::of(client), self.clock.now());
        if can_be_guessed_at(path) {
            self.auth.take(origin, now).map_err(|wait| too_many("sign-in requests", wait))?;
        }
        self.all.take(origin, now).map_err(|wait| too_many("requests", wait))
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Limits({} addresses)", self.all.taken.lock().len())
    }
}

fn can_be_guessed_at(path: &str) -> bool {
    let operation = path.strip_prefix(AUTH).and_then(|rest| rest.split('/').next());
    operation.is_some_and(|operation| !BY_TOKEN.contains(&operation))
}

fn too_many(what: &str, wait_seconds: u64) -> ApiError {
    ApiError::new(Code::RateLimited, format!("Too many {what} in a minute. Please wait {wait_seconds} s."))
        .retry_after(wait_seconds)
}

/// Where requests come from: an IPv4 address, or the IPv6 network that one subscriber has. All whose address is not
/// known are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Origin(Option<IpAddr>);

impl Origin {
    fn of(client: &ClientInfo) -> Self {
        let address: Option<IpAddr> = client.ip.as_deref().and_then(|ip| ip.parse().ok());
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        }))
    }
}

/// A bucket for each key that holds a minute's worth and fills evenly (the generic cell rate algorithm).
struct Allowance<K> {
    per_minute: u32,
    /// Until when, in microseconds since 1970, what a key has taken is used up.
    taken: Mutex<LruCache<K, i64>>,
}

impl<K: Hash + Eq> Allowance<K> {
    fn new(per_minute: u32) -> Self {
        Self { per_minute, taken: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Takes one; where there is none, says in how many seconds there will be.
    fn take(&self, key: K, now: Time) -> Result<(), u64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let now = now.as_millis().saturating_mul(1000);
        let mut taken = self.taken.lock();
        let used_up = taken.get(&key).map_or(now, |until| now.max(*until)) + MINUTE_MICROS / i64::from(self.per_minute);
        let missing = used_up - now - MINUTE_MICROS;
        if missing > 0 {
            return Err(u64::try_from(missing).unwrap_or(0).div_ceil(1_000_000));
        }
        taken.put(key, used_up);
        Ok(())
    }
}

/// The middleware of every path: refuses what comes too fast, before anything is read or looked up. A WebSocket counts
/// once, when it is opened.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let client = ClientInfo::of(request.headers(), request.extensions(), &app.settings);
    match app.limits.request(request.uri().path(), &client) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_millis(1_768_471_200_000 + millis)
    }

    #[test]
    fn a_minutes_worth_at_once_then_one_by_one() {
        let allowance = Allowance::new(10);
        for _ in 0..10 {
            assert_eq!(allowance.take("a", at(0)), Ok(()));
        }
        assert_eq!(allowance.take("a", at(0)), Err(6));
        assert_eq!(allowance.take("b", at(0)), Ok(()), "others are not touched");
        assert_eq!(allowance.take("a", at(5_001)), Err(1));
        assert_eq!(allowance.take("a", at(6_000)), Ok(()));
        assert_eq!(allowance.take("a", at(6_000)), Err(6));
        for _ in 0..10 {
            assert_eq!(allowance.take("a", at(120_000)), Ok(()));
        }
        assert_eq!(allowance.take("a", at(0)), Err(126), "a clock set back lets nobody through");
    }

    #[test]
    fn memory_is_bounded_and_0_is_no_limit() {
        let allowance = Allowance::new(1);
        for n in 0..REMEMBERED.get() + 10 {
            assert_eq!(allowance.take(n, at(0)), Ok(()));
        }
        assert_eq!(allowance.taken.lock().len(), REMEMBERED.get());
        let open = Allowance::new(0);
        (0..1000).for_each(|_| assert_eq!(open.take((), at(0)), Ok(())));
        assert!(open.taken.lock().is_empty());
    }

    #[test]
    fn what_takes_a_token_is_no_guess() {
        let guessed = ["login", "verify-otp", "step-up", "mfa/verify", "refresh-all"];
        let by_token = ["refresh", "logout", "logout-all", "sessions", "sessions/s1"];
        assert!(guessed.iter().all(|path| can_be_guessed_at(&format!("{AUTH}{path}"))));
        assert!(!by_token.iter().any(|path| can_be_guessed_at(&format!("{AUTH}{path}"))));
        assert!(!can_be_guessed_at("/api/v1/users/me"));
    }

    #[test]
    fn one_subscriber_is_one_origin() {
        let origin = |ip: &str| Origin::of(&ClientInfo { ip: Some(ip.to_owned()), user_agent: None });
        assert_eq!(origin("2001:db8:1:2::7"), origin("2001:db8:1:2:ffff::1"));
        assert_ne!(origin("2001:db8:1:2::7"), origin("2001:db8:1:3::7"));
        assert_eq!(origin("::ffff:203.0.113.7"), origin("203.0.113.7"));
        assert_ne!(origin("203.0.113.7"), origin("203.0.113.8"));
        assert_eq!(origin("nowhere"), Origin::of(&ClientInfo::default()));
    }
}
