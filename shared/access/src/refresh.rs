//! The value of a refresh token. It names its tenant and family, so that it is found with one read; of its secret only
//! hashes are stored. Half of the secret stays the same in all of a family's tokens: it tells a former token, which
//! somebody has used twice, from one that a stranger made up around an id.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{FamilyId, Random, TenantId};
use zeroize::Zeroizing;

/// How much of the secret is the family's; the rest is the token's own.
const FAMILY_PART: usize = 16;

/// A refresh token: `<tenant>.<family>.<32 random bytes in base64url>`, of which the first 16 are those of its whole
/// family. Cleared when dropped; its `Debug` tells no secret.
#[derive(Clone)]
pub struct RefreshToken {
    tenant: TenantId,
    family: FamilyId,
    secret: Zeroizing<[u8; 32]>,
}

/// The text given is no refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRefreshToken {
    /// It has not three parts.
    #[error("a refresh token has three parts")]
    Parts,
    /// Its tenant is no id.
    #[error("the refresh token's tenant is no id")]
    Tenant,
    /// Its family is no id.
    #[error("the refresh token's family is no id")]
    Family,
    /// Its secret is not 32 bytes in base64url.
    #[error("the refresh token's secret is damaged")]
    Secret,
}

impl RefreshToken {
    /// The first token of a new family.
    pub fn generate(tenant: TenantId, family: FamilyId, random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice());
        Self { tenant, family, secret }
    }

    /// The token that takes this one's place.
    #[must_use]
    pub fn next(&self, random: &dyn Random) -> Self {
        let mut next = self.clone();
        random.fill(&mut next.secret[FAMILY_PART..]);
        next
    }

    /// The tenant that it is for.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The family that it belongs to: the key of the stored record.
    pub const fn family(&self) -> &FamilyId {
        &self.family
    }

    /// The token's text, for its owner.
    pub fn expose(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.secret.as_slice()));
        Zeroizing::new(format!("{}.{}.{}", self.tenant, self.family, secret.as_str()))
    }

    /// What is stored of it: SHA-256 of its secret, in base64url. The secret is random, so no salt is needed.
    pub fn hash(&self) -> String {
        hash(self.secret.as_slice())
    }

    /// What is stored of its family: the same hash of the part of the secret that all of the family's tokens share.
    pub fn family_hash(&self) -> String {
        hash(self.family_part())
    }

    /// Whether `stored` is this token's hash, in a time that does not tell how much of it is.
    pub fn matches(&self, stored: &str) -> bool {
        is_hash_of(self.secret.as_slice(), stored)
    }

    /// Whether `stored` is the hash of this token's family: it is the newest token, or was once. Takes as long whatever
    /// the answer.
    pub fn is_of_family(&self, stored: &str) -> bool {
        is_hash_of(self.family_part(), stored)
    }

    fn family_part(&self) -> &[u8] {
        &self.secret[..FAMILY_PART]
    }
}

fn hash(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret))
}

fn is_hash_of(secret: &[u8], stored: &str) -> bool {
    let stored = URL_SAFE_NO_PAD.decode(stored).unwrap_or_default();
    constant_time::verify_slices_are_equal(digest::digest(&digest::SHA256, secret).as_ref(), &stored).is_ok()
}

impl FromStr for RefreshToken {
    type Err = InvalidRefreshToken;
    fn from_str(text: &str) -> Result<Self, InvalidRefreshToken> {
        let mut parts = text.split('.');
        let (Some(tenant), Some(family), Some(encoded), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidRefreshToken::Parts);
        };
        let tenant = tenant.parse().map_err(|_| InvalidRefreshToken::Tenant)?;
        let family = family.parse().map_err(|_| InvalidRefreshToken::Family)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidRefreshToken::Secret)?);
        let secret = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| InvalidRefreshToken::Secret)?;
        Ok(Self { tenant, family, secret: Zeroizing::new(secret) })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, {})", self.tenant, self.family)
    }
}

#[cfg(test)]
mod tests {
    use kernel::OsRandom;
    use proptest::prelude::*;

    use super::*;

    fn token() -> RefreshToken {
        RefreshToken::generate("clinic".parse().unwrap(), "f1".parse().unwrap(), &OsRandom)
    }

    #[test]
    fn it_comes_back_from_its_text() {
        let (token, other) = (token(), token());
        let text = token.expose();
        let parsed: RefreshToken = text.parse().unwrap();
        assert_eq!((parsed.tenant().as_str(), parsed.family().as_str()), ("clinic", "f1"));
        assert!(parsed.matches(&token.hash()));
        assert!(!parsed.matches(&other.hash()));
        assert!(!text.contains(&token.hash()), "the stored hash is not the secret");
        assert_eq!(format!("{token:?}"), "RefreshToken(clinic, f1)");
    }

    #[test]
    fn former_tokens_are_known_by_their_family() {
        let first = token();
        let second = first.next(&OsRandom);
        let third = second.next(&OsRandom);
        assert_eq!((third.tenant(), third.family()), (first.tenant(), first.family()));
        let family = first.family_hash();
        for (one, other) in [(&first, &second), (&second, &third), (&first, &third)] {
            assert!(!one.matches(&other.hash()) && !other.matches(&one.hash()));
            assert_eq!(other.family_hash(), family);
            assert!(one.is_of_family(&family) && other.is_of_family(&family));
        }
        let text = first.expose();
        assert!(text.parse::<RefreshToken>().unwrap().is_of_family(&family));
        assert!(!text.contains(&family), "the stored hash is not the secret");
    }

    #[test]
    fn a_made_up_token_is_of_no_family() {
        let real = token();
        // Whoever knows a family's id can say all but the secret.
        let made_up = token();
        assert_eq!(made_up.family(), real.family());
        assert!(!made_up.is_of_family(&real.family_hash()));
        assert!(!made_up.next(&OsRandom).is_of_family(&real.family_hash()));
        assert!(!real.is_of_family(&real.hash()), "one hash does not stand for the other");
        assert!(!real.matches(&real.family_hash()));
        assert!(!real.is_of_family("") && !real.is_of_family("*"));
    }

    #[test]
    fn wrong_text_says_which_part() {
        let secret = "A".repeat(43);
        for (text, why) in [
            (String::new(), InvalidRefreshToken::Parts),
            (format!("clinic.{secret}"), InvalidRefreshToken::Parts),
            (format!("clinic.f1.{secret}.x"), InvalidRefreshToken::Parts),
            (format!(".f1.{secret}"), InvalidRefreshToken::Tenant),
            (format!("clinic.a/b.{secret}"), InvalidRefreshToken::Family),
            ("clinic.f1.".to_owned(), InvalidRefreshToken::Secret),
            (format!("clinic.f1.{secret}A"), InvalidRefreshToken::Secret),
            (format!("clinic.f1.{secret}="), InvalidRefreshToken::Secret),
        ] {
            assert_eq!(text.parse::<RefreshToken>().unwrap_err(), why, "{text}");
        }
        assert!(!token().matches(""));
        assert!(!token().matches("*"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,120}") {
            if let Ok(token) = text.parse::<RefreshToken>() {
                prop_assert_eq!(&*token.expose(), &text);
            }
        }
    }
}
