//! Passwords: their hashes, and what a new one must be.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};
use kernel::{Phi, Random, RandomExt};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

mod policy;

pub use policy::{LONGEST, SHORTEST, WeakPassword, check_new};

/// Stored hashes that ask for more than this are refused, so that no stored text can stall the service.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;
const MOST_BCRYPT_COST: u32 = 16;

/// What an argon2id hash costs to make and to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What OWASP recommends: 19 MiB, two passes, one lane.
    pub const RECOMMENDED: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// As little as argon2 allows, for tests.
    pub const FOR_TESTS: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
}

impl Default for Cost {
    fn default() -> Self {
        Self::RECOMMENDED
    }
}

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The configured cost is outside of what argon2 can do.
    #[error("argon2 cannot work with {0:?}")]
    ImpossibleCost(Cost),
    /// The stored hash is of no known form, or asks for more work than is allowed.
    #[error("the stored password hash is neither argon2 nor bcrypt, or costs too much to check")]
    UnreadableHash,
    /// Hashing failed.
    #[error("hashing a password failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The password is right.
    pub ok: bool,
    /// The password is right and its hash should be made anew: it is bcrypt, or of another cost.
    pub needs_upgrade: bool,
}

impl Verified {
    const NO: Self = Self { ok: false, needs_upgrade: false };
}

/// Makes and checks password hashes, as many at once as there are cores. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    random: Arc<dyn Random>,
    turns: Arc<Semaphore>,
    /// A hash of nothing, checked where there is no account.
    dummy: Arc<str>,
    done: Arc<AtomicU64>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passwords({:?})", self.params)
    }
}

impl Passwords {
    /// Hashes of this cost, with salts from `random`.
    pub fn new(cost: Cost, random: Arc<dyn Random>) -> Result<Self, PasswordError> {
        let impossible = || PasswordError::ImpossibleCost(cost);
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| impossible())?;
        let dummy = dummy_hash(&params, random.as_ref()).ok_or_else(impossible)?;
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self { params, random, turns: Arc::new(Semaphore::new(cores)), dummy: dummy.into(), done: Arc::default() })
    }

    /// The hash to store, as a PHC string (`$argon2id$v=19$m=..`).
    pub async fn hash(&self, password: Phi<String>) -> Result<String, PasswordError> {
        let salt: [u8; 16] = self.random.bytes();
        let argon2 = self.argon2();
        self.in_turn(password, move |password| {
            let hash: PasswordHash = argon2
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|e| PasswordError::Failed(e.into()))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the stored hash. Where there is no account, `stored` is `None`: it takes as long
    /// as with one, and the answer is no.
    pub async fn verify(&self, stored: Option<&str>, password: Phi<String>) -> Result<Verified, PasswordError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or(&self.dummy).to_owned();
        let params = self.params.clone();
        let verified = self.in_turn(password, move |password| check(&stored, password, &params)).await?;
        Ok(if exists { verified } else { Verified::NO })
    }

    /// How many hashes were made or checked since the start. It is the same for a password of an account and of none.
    pub fn work_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    /// Runs `work` on a thread that may block. The turn belongs to the thread and not to the caller, who may go away.
    async fn in_turn<T: Send + 'static>(
        &self,
        password: Phi<String>,
        work: impl FnOnce(&str) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        self.done.fetch_add(1, Ordering::Relaxed);
        let password = Zeroizing::new(password.into_disclosed());
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| PasswordError::Failed(error);
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|e| failed(e.into()))?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&password)
        })
        .await
        .map_err(|e| failed(e.into()))?
    }
}

fn check(stored: &str, password: &str, wanted: &Params) -> Result<Verified, PasswordError> {
    if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix)) {
        return check_bcrypt(stored, password);
    }
    let hash = PasswordHash::new(stored).map_err(|_| PasswordError::UnreadableHash)?;
    let params = Params::try_from(&hash).map_err(|_| PasswordError::UnreadableHash)?;
    let too_much = params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES;
    if !hash.algorithm.as_str().starts_with("argon2") || hash.salt.is_none() || hash.hash.is_none() || too_much {
        return Err(PasswordError::UnreadableHash);
    }
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(Verified { ok: true, needs_upgrade: is_outdated(&hash, &params, wanted) }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verified::NO),
        Err(error) => Err(PasswordError::Failed(error.into())),
    }
}

fn is_outdated(hash: &PasswordHash, params: &Params, wanted: &Params) -> bool {
    let cost = |p: &Params| (p.m_cost(), p.t_cost(), p.p_cost());
    hash.algorithm.as_str() != "argon2id" || hash.version != Some(Version::V0x13.into()) || cost(params) != cost(wanted)
}

fn check_bcrypt(stored: &str, password: &str) -> Result<Verified, PasswordError> {
    let parts: bcrypt::HashParts = stored.parse().map_err(|_| PasswordError::UnreadableHash)?;
    if parts.get_cost() > MOST_BCRYPT_COST {
        return Err(PasswordError::UnreadableHash);
    }
    let ok = bcrypt::verify(password, stored).map_err(|_| PasswordError::UnreadableHash)?;
    Ok(Verified { ok, needs_upgrade: ok })
}

/// A hash of the right cost that no password is known to have, without the work of making one.
fn dummy_hash(params: &Params, random: &dyn Random) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(&random.bytes::<16>()).ok()?),
        hash: Some(Output::new(&random.bytes::<32>()).ok()?),
    };
    Some(hash.to_string())
}
