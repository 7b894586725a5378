use kernel::{Phi, Random, RandomExt, Sealed, TenantId, Time, UserId};
use model::sign_in::Mfa;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use vault::{BlindIndex, Place, SubjectKey};
use web::ApiError;
use zeroize::Zeroizing;

/// What codes are named by in an authenticator app.
const ISSUER: &str = "ConsentMD";
/// How many backup codes there are.
const BACKUP_CODES: usize = 10;
/// What a backup code is written with: no letter that looks like a digit. 32 characters, five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// How long a backup code is: 50 bits.
const BACKUP_LENGTH: usize = 10;
const BACKUP_INDEX: &str = "mfa.backup";

/// The shared secret of an authenticator app.
pub struct SharedSecret(Totp);

impl SharedSecret {
    /// A new secret of 160 bits.
    pub fn generate(random: &dyn Random) -> Result<Self, ApiError> {
        let bytes = Zeroizing::new(random.bytes::<20>());
        Self::of(Secret::new(bytes.as_slice().into()), "account")
    }

    /// Opens the secret of an account, offered or in force.
    pub fn open(key: &SubjectKey, tenant: &TenantId, user: &UserId, sealed: &Sealed) -> Result<Self, ApiError> {
        let text = key.open(&place(tenant, user), sealed)?;
        let secret =
            Secret::try_from_base32(text.disclose()).map_err(|_| ApiError::internal("an unreadable secret"))?;
        text.clear();
        Self::of(secret, "account")
    }

    /// Seals it for the account.
    pub fn seal(&self, key: &SubjectKey, tenant: &TenantId, user: &UserId) -> Sealed {
        key.seal(&place(tenant, user), &Phi::new(self.to_base32()))
    }

    /// As people type it into an app.
    pub fn to_base32(&self) -> String {
        self.0.secret().to_base32()
    }

    /// As an app reads it from a QR code: names the account by `label`.
    pub fn to_url(&self, label: &Phi<String>) -> Result<Zeroizing<String>, ApiError> {
        // The form of the address keeps colons for itself.
        let label = label.disclose().replace(':', " ");
        let named = Self::of(Secret::new(self.0.secret().as_bytes().into()), &label)?;
        named.0.to_url().map(Zeroizing::new).map_err(ApiError::internal)
    }

    /// The time step of a code: now's, the one before or the one after.
    pub fn step_of(&self, code: &str, now: Time) -> Option<u64> {
        let is_code = code.len() == 6 && code.bytes().all(|c| c.is_ascii_digit());
        let seconds = u64::try_from(now.as_secs()).ok()?;
        if is_code { self.0.check(code, seconds) } else { None }
    }

    fn of(secret: Secret, label: &str) -> Result<Self, ApiError> {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(30);
        let builder = builder.with_secret(secret).with_issuer(Some(ISSUER)).with_account_name(label);
        builder.build().map(Self).map_err(ApiError::internal)
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

fn place<'a>(tenant: &'a TenantId, user: &'a UserId) -> Place<'a> {
    Place::new(tenant, "users", user.as_str(), "signIn.mfa.secret")
}

/// A second factor that was given and is right, to be used up in the transaction that acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// A code of the app, by its time step.
    Step(u64),
    /// A backup code, by its hash.
    Backup(String),
}

impl Factor {
    /// Which factor a code is; `None` where it is none or was used before.
    pub fn find(
        key: &SubjectKey,
        blind: &BlindIndex,
        tenant: &TenantId,
        user: &UserId,
        mfa: &Mfa,
        (code, now): (&str, Time),
    ) -> Result<Option<Self>, ApiError> {
        let code = code.trim();
        if let Some(step) = SharedSecret::open(key, tenant, user, &mfa.secret)?.step_of(code, now) {
            return Ok((step > mfa.last_step).then_some(Self::Step(step)));
        }
        let hash = backup_hash(blind, user, code);
        let is_one = mfa.backup_codes.iter().any(|known| bool::from(known.as_bytes().ct_eq(hash.as_bytes())));
        Ok(is_one.then_some(Self::Backup(hash)))
    }

    /// Uses it up. `false` where somebody else was first.
    #[must_use]
    pub fn spend(&self, mfa: &mut Mfa) -> bool {
        match self {
            Self::Step(step) if *step > mfa.last_step => {
                mfa.last_step = *step;
                true
            }
            Self::Step(_) => false,
            Self::Backup(hash) => {
                let before = mfa.backup_codes.len();
                mfa.backup_codes.retain(|known| known != hash);
                mfa.backup_codes.len() < before
            }
        }
    }
}

/// New backup codes: as they are shown once, and as they are stored.
pub fn backup_codes(random: &dyn Random, blind: &BlindIndex, user: &UserId) -> (Vec<String>, Vec<String>) {
    let code = |_| {
        let bytes = random.bytes::<BACKUP_LENGTH>();
        let text: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        format!("{}-{}", &text[..5], &text[5..])
    };
    let shown: Vec<String> = (0..BACKUP_CODES).map(code).collect();
    let stored = shown.iter().map(|code| backup_hash(blind, user, code)).collect();
    (shown, stored)
}

/// A backup code's keyed hash, whatever the case and the hyphens it is typed with.
fn backup_hash(blind: &BlindIndex, user: &UserId, code: &str) -> String {
    let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    blind.exact(BACKUP_INDEX, &format!("{user} {plain}"))
}

#[cfg(test)]
mod tests {
    use kernel::OsRandom;
    use proptest::prelude::*;

    use super::*;

    fn rfc() -> SharedSecret {
        SharedSecret::of(Secret::new(b"12345678901234567890".as_slice().into()), "a").unwrap()
    }

    fn at(secs: i64) -> Time {
        Time::from_millis(secs * 1000)
    }

    /// The vectors of RFC 6238, appendix B, for SHA-1. They have eight digits; six are the last ones of the same number.
    const VECTORS: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (secs, code) in VECTORS {
            let step = u64::try_from(secs).unwrap() / 30;
            assert_eq!(rfc().step_of(&code[2..], at(secs)), Some(step), "at {secs}");
            assert_eq!(rfc().step_of(&code[2..], at(secs + 30)), Some(step), "one step late");
            assert_eq!(rfc().step_of(&code[2..], at(secs - 30)), Some(step), "one step early");
            assert_eq!(rfc().step_of(&code[2..], at(secs + 60)), None, "two steps late");
            assert_eq!(rfc().step_of(code, at(secs)), None, "eight digits are no code of ours");
        }
        for wrong in ["", "28708", "2870822", "28708a", "+28708", " 28708", "２８７０８２"] {
            assert_eq!(rfc().step_of(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_can_read_the_address() {
        let url = rfc().to_url(&Phi::new("ann+x@example.com".to_owned())).unwrap();
        let expected =
            "otpauth://totp/ConsentMD:ann%2Bx%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ConsentMD";
        assert_eq!(url.replace("%2E", ".").replace("%2e", "."), expected.replace("%2E", "."));
    }

    fn mfa() -> Mfa {
        let secret = Sealed::from_text(String::new());
        Mfa { secret, since: at(0), last_step: 7, backup_codes: vec!["h1".to_owned(), "h2".to_owned()] }
    }

    #[test]
    fn a_factor_is_used_once() {
        let mut mfa = mfa();
        assert!(!Factor::Step(7).spend(&mut mfa));
        assert!(
            Factor::Step(9).spend(&mut mfa) && !Factor::Step(9).spend(&mut mfa) && !Factor::Step(8).spend(&mut mfa)
        );
        let backup = Factor::Backup("h1".to_owned());
        assert!(backup.spend(&mut mfa) && !backup.spend(&mut mfa));
        assert_eq!(mfa.backup_codes, ["h2"]);
    }

    #[test]
    fn secrets_differ_and_say_nothing() {
        let (one, other) = (SharedSecret::generate(&OsRandom).unwrap(), SharedSecret::generate(&OsRandom).unwrap());
        assert_ne!(one.to_base32(), other.to_base32());
        assert_eq!((one.to_base32().len(), format!("{one:?}").as_str()), (32, "SharedSecret(..)"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_code_or_none(text in ".{0,20}") {
            if rfc().step_of(&text, at(59)).is_some() {
                prop_assert!(text.len() == 6);
            }
        }
    }
}
