//! Which stored hashes are understood, and when they are to be made anew.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use access::password::{Cost, PasswordError, Passwords, Verified};
use common::Seeded;
use kernel::Phi;

const RIGHT: Verified = Verified { ok: true, needs_upgrade: false };
const UPGRADE: Verified = Verified { ok: true, needs_upgrade: true };
const WRONG: Verified = Verified { ok: false, needs_upgrade: false };

fn passwords(cost: Cost) -> Passwords {
    Passwords::new(cost, Seeded::new(1)).unwrap()
}

fn secret(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

#[tokio::test]
async fn a_password_is_known_by_its_hash() {
    let passwords = passwords(Cost::FOR_TESTS);
    let hash = passwords.hash(secret("securePassword123")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    assert_eq!(passwords.verify(Some(&hash), secret("securePassword123")).await.unwrap(), RIGHT);
    for wrong in ["", "securepassword123", "securePassword123 "] {
        assert_eq!(passwords.verify(Some(&hash), secret(wrong)).await.unwrap(), WRONG, "{wrong}");
    }
    assert_ne!(passwords.hash(secret("securePassword123")).await.unwrap(), hash, "salts differ");
}

#[tokio::test]
async fn the_recommended_cost_is_that_of_owasp() {
    let hash = passwords(Cost::default()).hash(secret("securePassword123")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn another_cost_asks_for_an_upgrade() {
    let old = passwords(Cost::FOR_TESTS).hash(secret("securePassword123")).await.unwrap();
    let passwords = passwords(Cost { passes: 2, ..Cost::FOR_TESTS });
    assert_eq!(passwords.verify(Some(&old), secret("securePassword123")).await.unwrap(), UPGRADE);
    assert_eq!(passwords.verify(Some(&old), secret("wrong password")).await.unwrap(), WRONG);
}

/// From the test vectors of crypt_blowfish; the three prefixes mean the same.
#[tokio::test]
async fn bcrypt_of_older_systems_is_verified() {
    let passwords = passwords(Cost::FOR_TESTS);
    for (password, hash) in [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ] {
        assert_eq!(passwords.verify(Some(hash), secret(password)).await.unwrap(), UPGRADE, "{hash}");
        assert_eq!(passwords.verify(Some(hash), secret("wrong")).await.unwrap(), WRONG, "{hash}");
    }
}

#[tokio::test]
async fn no_account_is_a_plain_no() {
    let passwords = passwords(Cost::FOR_TESTS);
    assert_eq!(passwords.verify(None, secret("securePassword123")).await.unwrap(), WRONG);
}

#[tokio::test]
async fn hashes_that_are_damaged_or_too_costly_are_refused() {
    let passwords = passwords(Cost::FOR_TESTS);
    for stored in [
        "",
        "securePassword123",
        "$2y$05$short",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$é$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8,t=4000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let outcome = passwords.verify(Some(stored), secret("securePassword123")).await;
        assert!(matches!(outcome, Err(PasswordError::UnreadableHash)), "{stored}: {outcome:?}");
    }
    let impossible = Passwords::new(Cost { memory_kib: 1, ..Cost::FOR_TESTS }, Seeded::new(1)).unwrap_err();
    assert!(matches!(impossible, PasswordError::ImpossibleCost(_)));
}

#[tokio::test]
async fn many_at_once_all_get_their_turn() {
    let passwords = passwords(Cost::FOR_TESTS);
    let hash = passwords.hash(secret("securePassword123")).await.unwrap();
    let checks: Vec<_> = (0..40)
        .map(|n| {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            let password = if n % 2 == 0 { "securePassword123" } else { "wrong" };
            tokio::spawn(async move { passwords.verify(Some(&hash), secret(password)).await.unwrap().ok })
        })
        .collect();
    for (n, check) in checks.into_iter().enumerate() {
        assert_eq!(check.await.unwrap(), n % 2 == 0);
    }
}
