//! The keys that sign access tokens, in two secrets: made, rotated and retired in an order in which no token is refused.
//! `README.md` tells the design.

mod failure;
mod pem;
mod ring;
mod update;

use std::sync::Arc;
use std::time::Duration;

use access::token::SigningKeys;
use kernel::Clock;

pub use failure::SigningKeySecretsError;

use crate::{Secrets, Version, VersionState};
use ring::{PrivateKey, Ring};

/// The secret whose first key signs.
pub const SIGNING_KEY: &str = "signing-key";
/// The secret with the public halves of all keys whose tokens hold.
pub const VERIFYING_KEYS: &str = "verifying-keys";
/// How long a new public key should be published before its private half signs: longer than anybody keeps the keys.
/// The API gateway keeps them for five minutes; functions until they are deployed again.
pub const PUBLISHED_FOR: Duration = Duration::from_secs(15 * 60);
/// How long a key should not have signed before its public half is taken away: a token's 15 minutes, twice.
pub const UNUSED_FOR: Duration = Duration::from_secs(30 * 60);

/// How often two runs at once may get in each other's way.
const MAX_ROUNDS: u32 = 8;

type Result<T> = std::result::Result<T, SigningKeySecretsError>;

/// Which keys there are, by their ids (RFC 7638 thumbprints, the `kid` of tokens).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysState {
    /// The key that signs; `None` where none was made yet.
    pub signing: Option<String>,
    /// The key that will sign when the rotation is finished.
    pub waiting: Option<String>,
    /// The keys that only verify: former ones, and such as never signed because a run ended in the middle.
    pub former: Vec<String>,
    /// The keys whose public half is not in the secret `verifying-keys`: `ensure` puts it there.
    pub unpublished: Vec<String>,
    /// The secrets whose newest version is disabled or destroyed, so that no function starts any more.
    pub unreadable: Vec<&'static str>,
}

/// The keys that sign access tokens.
pub struct SigningKeySecrets {
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
}

impl SigningKeySecrets {
    /// The keys in these secrets.
    pub fn new(secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self { secrets, clock }
    }

    /// Makes the first key where there is none, its public half first, and puts in order what a run left that ended in the
    /// middle. Where all is well it only reads.
    pub async fn ensure(&self) -> Result<KeysState> {
        let (_, signing) = self.latest(SIGNING_KEY).await?;
        if signing.signer().is_none() {
            let key = new_key()?;
            let public = Ring::of_public(&key);
            self.update(VERIFYING_KEYS, |ring| Ok(ring.with_publics_of(&public))).await?;
            let first = |ring: Ring| Ok(if ring.signer().is_some() { ring } else { ring.with_private(key.clone()) });
            self.update(SIGNING_KEY, first).await?;
        }
        self.reconcile().await
    }

    /// Makes the next key, which does not sign yet, and publishes its public half. Run again it goes on with the same key.
    ///
    /// Then deploy or restart all functions, wait for [`PUBLISHED_FOR`], and finish.
    pub async fn begin_rotation(&self) -> Result<KeysState> {
        let (_, signing) = self.latest(SIGNING_KEY).await?;
        if signing.signer().is_none() {
            return Err(SigningKeySecretsError::NotMade);
        }
        if signing.waiting().is_none() {
            let key = new_key()?;
            let second = |ring: Ring| Ok(if ring.waiting().is_some() { ring } else { ring.with_private(key.clone()) });
            self.update(SIGNING_KEY, second).await?;
        }
        self.reconcile().await
    }

    /// Makes the waiting key the one that signs, if its public half was published at least `published_for` ago; the former
    /// key still verifies. After it, deploy or restart the functions that sign.
    ///
    /// # Errors
    /// [`SigningKeySecretsError::TooEarly`]; [`SigningKeySecretsError::NothingWaits`], also where it was finished before.
    pub async fn finish_rotation(&self, published_for: Duration) -> Result<KeysState> {
        let (_, signing) = self.latest(SIGNING_KEY).await?;
        let waiting = signing.waiting().map(|key| key.id.clone()).ok_or(SigningKeySecretsError::NothingWaits)?;
        let (version, verifying) = self.latest(VERIFYING_KEYS).await?;
        if !verifying.knows(&waiting) {
            return Err(SigningKeySecretsError::NotPublished { id: waiting });
        }
        self.old_enough(&version, published_for, "was published")?;
        self.update(SIGNING_KEY, |ring| Ok(ring.signing_by(&waiting))).await?;
        let state = self.reconcile().await?;
        if state.signing.as_ref() == Some(&waiting) { Ok(state) } else { Err(SigningKeySecretsError::ChangedMeanwhile) }
    }

    /// Takes a former key away, if the key that signs took over at least `unused_for` ago: its tokens are refused from then
    /// on, and the versions of `signing-key` that hold former private keys are destroyed. A key that waits is taken away at
    /// once, which calls the rotation off. Run again after a failure it goes on.
    pub async fn retire(&self, id: &str, unused_for: Duration) -> Result<KeysState> {
        let (version, signing) = self.latest(SIGNING_KEY).await?;
        let (_, verifying) = self.latest(VERIFYING_KEYS).await?;
        if signing.signer().is_some_and(|key| key.id == id) {
            return Err(SigningKeySecretsError::StillSigns { id: id.to_owned() });
        }
        if !signing.knows(id) && !verifying.knows(id) {
            return Err(SigningKeySecretsError::NoSuchKey { id: id.to_owned() });
        }
        // Where only the other secret has it, a run ended in the middle that had waited.
        if signing.knows_public(id) {
            self.old_enough(&version, unused_for, "stopped signing")?;
        }
        for _ in 0..MAX_ROUNDS {
            self.update(SIGNING_KEY, |ring| ring.without(id)).await?;
            self.destroy_older().await?;
            self.update(VERIFYING_KEYS, |ring| ring.without(id)).await?;
            let state = self.state().await?;
            // Another run may have brought it back that had read it before.
            if !state.former.iter().any(|former| former == id) {
                return Ok(state);
            }
        }
        Err(SigningKeySecretsError::ChangedMeanwhile)
    }

    /// Which keys there are. Reads only.
    pub async fn state(&self) -> Result<KeysState> {
        let (_, signing) = self.latest(SIGNING_KEY).await?;
        let (_, verifying) = self.latest(VERIFYING_KEYS).await?;
        let id = |key: &PrivateKey| key.id.clone();
        let (signer, waiting) = (signing.signer().map(id), signing.waiting().map(id));
        let own = |id: &&String| Some(*id) != signer.as_ref() && Some(*id) != waiting.as_ref();
        let all = signing.merged_with(&verifying);
        let former = all.ids().iter().filter(own).cloned().collect();
        let unpublished = signing.ids().into_iter().filter(|id| !verifying.knows(id)).collect();
        let mut unreadable = Vec::new();
        for secret in [SIGNING_KEY, VERIFYING_KEYS] {
            let newest = self.secrets.list(secret).await?.into_iter().next();
            if newest.is_none_or(|version| version.state != VersionState::Enabled) {
                unreadable.push(secret);
            }
        }
        Ok(KeysState { signing: signer, waiting, former, unpublished, unreadable })
    }

    /// Brings about that every key of either secret verifies by both, whatever other runs do meanwhile: each run ends with
    /// a reading that found it so, so the last one to change anything found it so.
    async fn reconcile(&self) -> Result<KeysState> {
        for _ in 0..MAX_ROUNDS {
            let (_, signing) = self.latest(SIGNING_KEY).await?;
            let (_, verifying) = self.latest(VERIFYING_KEYS).await?;
            if verifying.with_publics_of(&signing) != verifying {
                self.update(VERIFYING_KEYS, |ring| Ok(ring.with_publics_of(&signing))).await?;
            } else if signing.signer().is_some() && signing.with_publics_of(&verifying) != signing {
                self.update(SIGNING_KEY, |ring| Ok(ring.with_publics_of(&verifying))).await?;
            } else {
                return self.state().await;
            }
        }
        Err(SigningKeySecretsError::ChangedMeanwhile)
    }

    /// Destroys all versions of the signing key before the newest, which holds everything that is needed.
    async fn destroy_older(&self) -> Result<()> {
        let versions = self.secrets.list(SIGNING_KEY).await?;
        let newest = versions.iter().find(|version| version.state == VersionState::Enabled);
        let newest = newest.map_or(0, |version| version.number);
        let old = |version: &&Version| version.number < newest && version.state != VersionState::Destroyed;
        for version in versions.iter().filter(old) {
            self.secrets.destroy(SIGNING_KEY, version.number).await?;
        }
        Ok(())
    }

    fn old_enough(&self, version: &Version, least: Duration, what: &'static str) -> Result<()> {
        let age = self.clock.now().since(version.added_at);
        if age >= least { Ok(()) } else { Err(SigningKeySecretsError::TooEarly { what, age, least }) }
    }
}

impl std::fmt::Debug for SigningKeySecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeySecrets")
    }
}

fn new_key() -> Result<PrivateKey> {
    let keys = SigningKeys::generate().map_err(SigningKeySecretsError::NoKey)?;
    let public = keys.public_pem();
    Ok(PrivateKey { id: keys.current_id().to_owned(), pem: keys.to_pem(), public })
}
