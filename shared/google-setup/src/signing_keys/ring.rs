use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use access::token::SigningKeys;
use zeroize::Zeroizing;

use super::pem::{PRIVATE, PUBLIC, RETIRED, blocks, public_id};
use super::{Result, SigningKeySecretsError};
use crate::SecretText;

/// How the text begins that Terraform puts into a secret whose keys this program makes.
const NOT_MADE: &str = "not made yet";

/// A key that signs, or will.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PrivateKey {
    pub(super) id: String,
    pub(super) pem: Zeroizing<String>,
    pub(super) public: String,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.id)
    }
}

/// The keys in a secret: private ones, of which the first signs and the second waits, public ones that verify, and those
/// of keys that were retired, which verify what was stated under them and no token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ring {
    privates: Vec<PrivateKey>,
    publics: BTreeMap<String, String>,
    retired: BTreeMap<String, String>,
}

impl Ring {
    /// The keys of a secret's text.
    pub(super) fn parse(text: &SecretText) -> std::result::Result<Self, String> {
        let text = text.reveal();
        if text.trim_start().to_ascii_lowercase().starts_with(NOT_MADE) {
            return Ok(Self::default());
        }
        let mut ring = Self::default();
        for (index, (label, block)) in blocks(text)?.into_iter().enumerate() {
            let unusable = || format!("key {} (\"{label}\") is no P-256 key", index + 1);
            match label {
                PRIVATE => {
                    let keys = SigningKeys::from_pem(&block).map_err(|_| unusable())?;
                    let key = PrivateKey { id: keys.current_id().to_owned(), pem: block, public: keys.public_pem() };
                    ring = ring.with_private(key);
                }
                PUBLIC => {
                    let id = public_id(&block).ok_or_else(unusable)?;
                    if !ring.knows(&id) && !ring.retired.contains_key(&id) {
                        ring.publics.insert(id, block.to_string());
                    }
                }
                RETIRED => {
                    let id = public_id(&block).ok_or_else(unusable)?;
                    ring.publics.remove(&id);
                    ring.retired.insert(id, block.to_string());
                }
                _ => return Err(unusable()),
            }
        }
        Ok(ring)
    }

    /// The text for a secret: private keys first.
    pub(super) fn to_text(&self) -> SecretText {
        let length = |pem: &str| pem.len();
        let all: usize = self.privates.iter().map(|key| length(&key.pem)).sum::<usize>()
            + self.publics.values().chain(self.retired.values()).map(|pem| length(pem)).sum::<usize>();
        // Room for everything at once: a growing text would leave pieces of itself in memory.
        let mut text = Zeroizing::new(String::with_capacity(all));
        self.privates.iter().for_each(|key| text.push_str(&key.pem));
        self.publics.values().chain(self.retired.values()).for_each(|pem| text.push_str(pem));
        text.into()
    }

    /// The public half of a key alone.
    pub(super) fn of_public(key: &PrivateKey) -> Self {
        Self { publics: BTreeMap::from([(key.id.clone(), key.public.clone())]), ..Self::default() }
    }

    pub(super) fn signer(&self) -> Option<&PrivateKey> {
        self.privates.first()
    }

    pub(super) fn waiting(&self) -> Option<&PrivateKey> {
        self.privates.get(1)
    }

    /// Whether a token of this key verifies.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.knows_public(id) || self.privates.iter().any(|key| key.id == id)
    }

    /// Whether a token of this key verifies, and its private half is not here.
    pub(super) fn knows_public(&self, id: &str) -> bool {
        self.publics.contains_key(id)
    }

    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.privates.iter().map(|key| key.id.clone()).chain(self.publics.keys().cloned()).collect()
    }

    /// With a private key more, behind the others.
    pub(super) fn with_private(mut self, key: PrivateKey) -> Self {
        self.publics.remove(&key.id);
        if !self.privates.iter().any(|known| known.id == key.id) {
            self.privates.push(key);
        }
        self
    }

    /// With the public halves of all keys of `other`. What either has retired stays so.
    pub(super) fn with_publics_of(&self, other: &Self) -> Self {
        let mut ring = self.clone();
        for (id, public) in &other.retired {
            ring.publics.remove(id);
            ring.retired.insert(id.clone(), public.clone());
        }
        let halves = other.privates.iter().map(|key| (&key.id, &key.public)).chain(&other.publics);
        for (id, public) in halves {
            if !ring.knows(id) && !ring.retired.contains_key(id) {
                ring.publics.insert(id.clone(), public.clone());
            }
        }
        ring
    }

    /// With `later`'s private keys, where it has any, and the public halves of both.
    pub(super) fn merged_with(&self, later: &Self) -> Self {
        if later.privates.is_empty() { self.with_publics_of(later) } else { later.with_publics_of(self) }
    }

    /// The waiting key `id` signs, and the former one verifies; no change where `id` does not wait.
    pub(super) fn signing_by(mut self, id: &str) -> Self {
        if self.waiting().is_some_and(|key| key.id == id) {
            let former = self.privates.remove(0);
            self.publics.insert(former.id, former.public);
        }
        self
    }

    /// With the key retired, which must not be the one that signs: audit checkpoints and certificates are verified by its
    /// public half for as long as they are kept.
    pub(super) fn without(mut self, id: &str) -> Result<Self> {
        if self.signer().is_some_and(|key| key.id == id) {
            return Err(SigningKeySecretsError::StillSigns { id: id.to_owned() });
        }
        self.privates.retain(|key| key.id != id);
        if let Some(public) = self.publics.remove(id) {
            self.retired.insert(id.to_owned(), public.replace(PUBLIC, RETIRED));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use access::token::VerifyingKeys;

    use super::*;
    use crate::signing_keys::new_key;

    #[test]
    fn a_ring_comes_back_from_its_text() {
        let [a, b, c] = [(); 3].map(|()| new_key().unwrap());
        let ring = Ring::of_public(&c).with_private(a.clone()).with_private(b.clone());
        let again = Ring::parse(&ring.to_text()).unwrap();
        assert_eq!(again, ring);
        assert_eq!((again.signer(), again.waiting()), (Some(&a), Some(&b)));
        assert!(again.knows_public(&c.id) && !again.knows_public(&a.id));
        // What the functions read: the first key signs, and all verify.
        let keys = SigningKeys::from_pem(ring.to_text().reveal()).unwrap();
        assert_eq!(keys.current_id(), a.id);
        assert!(format!("{keys:?}").ends_with("of VerifyingKeys(3))"), "{keys:?}");
    }

    #[test]
    fn text_that_says_not_made_yet_is_no_key_and_other_text_is_wrong() {
        for text in ["not made yet", "Not made yet: run consentmd admin ensure-signing-key\n"] {
            assert!(Ring::parse(&SecretText::new(text)).unwrap().ids().is_empty());
        }
        for text in ["", "hunter2", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert!(Ring::parse(&SecretText::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn the_waiting_key_takes_over_and_the_former_verifies() {
        let [a, b] = [(); 2].map(|()| new_key().unwrap());
        let ring = Ring::default().with_private(a.clone()).with_private(b.clone());
        assert_eq!(ring.clone().signing_by("other"), ring);
        let after = ring.signing_by(&b.id);
        assert_eq!((after.signer(), after.waiting()), (Some(&b), None));
        assert!(after.knows_public(&a.id));
        assert!(!after.to_text().reveal().contains(a.pem.as_str()));
        assert!(after.clone().without(&b.id).is_err());
        let retired = after.clone().without(&a.id).unwrap();
        assert!(!retired.knows(&a.id) && !retired.ids().contains(&a.id));
        assert_eq!(Ring::parse(&retired.to_text()).unwrap(), retired);
        for merged in [retired.with_publics_of(&after), after.with_publics_of(&retired)] {
            assert!(!merged.knows(&a.id), "who does not know yet brings it not back");
        }
        let tokens_and_statements = VerifyingKeys::from_pem(retired.to_text().reveal()).unwrap();
        assert!(format!("{tokens_and_statements:?}").contains('2'));
    }
}
