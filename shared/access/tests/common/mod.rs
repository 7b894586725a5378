//! A clock that a test moves, seeded randomness, and JWTs put together by hand.
#![expect(unreachable_pub, reason = "each test file takes what it needs from here")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test file takes what it needs from here")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Clock, Random, Time};
use serde_json::Value;

/// The second at which every test starts.
pub const START: i64 = 1_700_000_000;

/// SplitMix64: quick, and the same for the same seed.
pub struct Seeded(AtomicU64);

impl Seeded {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that a test moves.
pub struct HeldClock(AtomicI64);

impl HeldClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START * 1000)))
    }

    pub fn advance_secs(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The moment this many seconds after the start.
pub fn at(seconds: i64) -> Time {
    Time::from_millis((START + seconds) * 1000)
}

/// A JWT of any header and claims, signed by `sign`.
pub fn jwt(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The header or the claims of a JWT.
pub fn part(token: &str, index: usize) -> Value {
    let bytes = token.split('.').nth(index).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
