use kernel::Phi;

/// The fewest characters of a new password.
pub const SHORTEST: usize = 8;
/// The most characters of a new password.
pub const LONGEST: usize = 128;

/// What everybody tries first, in lower case, of the lengths that are allowed.
const WORST: [&str; 50] = [
    "00000000",
    "1111111111",
    "11223344",
    "12345678",
    "123456789",
    "1234567890",
    "123123123",
    "12341234",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "66666666",
    "87654321",
    "987654321",
    "88888888",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "admin123",
    "administrator",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "consentmd",
    "doctor123",
    "football",
    "iloveyou",
    "letmein1",
    "medicine",
    "michael1",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "password1",
    "password12",
    "password123",
    "password1234",
    "princess",
    "qazwsxedc",
    "qwer1234",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "sunshine",
    "superman",
    "welcome1",
];

/// Why a new password is not accepted, in words for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("a password has at least {SHORTEST} characters")]
    TooShort,
    /// Too many characters.
    #[error("a password has at most {LONGEST} characters")]
    TooLong,
    /// It is the owner's name or address.
    #[error("a password must not be your name or e-mail address")]
    AboutYou,
    /// It is known to everyone.
    #[error("this password is one that everybody tries first; choose another")]
    TooCommon,
}

/// Whether a new password may be used. `about` is what others know of its owner: name, e-mail address, telephone number.
pub fn check_new(password: &Phi<String>, about: &[&str]) -> Result<(), WeakPassword> {
    let password = password.disclose();
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(WeakPassword::TooShort);
    }
    if length > LONGEST {
        return Err(WeakPassword::TooLong);
    }
    let folded = fold(password);
    let is_known = |known: &str| {
        let local_part = known.split('@').next().unwrap_or(known);
        [known, local_part].iter().any(|text| !fold(text).is_empty() && fold(text) == folded)
    };
    if about.iter().any(|known| is_known(known)) {
        return Err(WeakPassword::AboutYou);
    }
    let first = password.chars().next();
    let is_one_character = password.chars().all(|c| Some(c) == first);
    if is_one_character || WORST.contains(&password.to_lowercase().as_str()) {
        return Err(WeakPassword::TooCommon);
    }
    Ok(())
}

/// Case and everything between letters and digits aside.
fn fold(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(password: &str) -> Result<(), WeakPassword> {
        check_new(&Phi::new(password.to_owned()), &["Ann Lee-Smith", "ann.smith82@example.com", ""])
    }

    #[test]
    fn good_passwords_pass() {
        for good in ["securePassword123", "12345678x", "correct horse", "пароль-и-ещё", &"long".repeat(32)] {
            assert_eq!(outcome(good), Ok(()), "{good}");
        }
        assert_eq!(check_new(&Phi::new("--------!".to_owned()), &["", "--"]), Ok(()));
    }

    #[test]
    fn weak_passwords_say_why() {
        for (weak, why) in [
            ("", WeakPassword::TooShort),
            ("ünïcödé", WeakPassword::TooShort),
            (&"x1".repeat(65), WeakPassword::TooLong),
            ("annleesmith", WeakPassword::AboutYou),
            ("Ann.Smith82", WeakPassword::AboutYou),
            ("ann.smith82@example.com", WeakPassword::AboutYou),
            ("PassWord123", WeakPassword::TooCommon),
            ("zzzzzzzzzz", WeakPassword::TooCommon),
        ] {
            assert_eq!(outcome(weak), Err(why), "{weak}");
        }
    }

    #[test]
    fn the_list_holds_only_what_length_lets_through() {
        for worst in WORST {
            assert_eq!(worst, worst.to_lowercase());
            assert!((SHORTEST..=LONGEST).contains(&worst.chars().count()), "{worst}");
        }
    }
}
