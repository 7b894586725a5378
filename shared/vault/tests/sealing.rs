//! Whatever is sealed opens in its place, and nowhere else.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use common::{HeldClock, Seeded};
use futures::executor::block_on;
use kernel::{Phi, Sealed, TenantId};
use proptest::prelude::*;
use vault::{Error, MemoryKeys, Place, Subject, SubjectKey, Vault};

fn key(seed: u64) -> SubjectKey {
    let vault = Vault::new(Arc::new(MemoryKeys::seeded(Seeded::new(1))), Seeded::new(seed), HeldClock::new());
    block_on(vault.fresh_key(&tenant(), &Subject::Tenant)).unwrap().key().clone()
}

fn tenant() -> TenantId {
    "clinic".parse().unwrap()
}

fn damaged<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Damaged { .. }))
}

proptest! {
    #[test]
    fn it_comes_back(seed: u64, text in ".{0,200}", id in "[a-z0-9]{1,9}", field in "[a-z.]{1,9}") {
        let (key, tenant) = (key(seed), tenant());
        let place = Place::new(&tenant, "messages", &id, &field);
        let sealed = key.seal(&place, &Phi::new(text.clone()));
        let opened = key.open(&place, &sealed).unwrap();
        prop_assert_eq!(opened.disclose(), &text);
        if text.len() > 2 {
            prop_assert!(!sealed.as_text().contains(&text));
        }
        let again = key.seal(&place, &Phi::new(text));
        prop_assert_ne!(&sealed.as_text()[1..17], &again.as_text()[1..17], "nonces differ");
    }

    #[test]
    fn one_bit_makes_it_unreadable(text in ".{0,60}", at: prop::sample::Index, bit in 0_u8..8) {
        let (key, tenant) = (key(3), tenant());
        let place = Place::new(&tenant, "messages", "m", "content");
        let sealed = key.seal(&place, &Phi::new(text));
        let mut bytes = sealed.as_text().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = Sealed::from_text(String::from_utf8_lossy(&bytes).into_owned());
        let error = key.open(&place, &changed).unwrap_err();
        prop_assert!(matches!(error, Error::Damaged { .. } | Error::UnknownForm { .. }), "{}", error);
    }

    #[test]
    fn cutting_and_adding_make_it_unreadable(text in ".{0,60}", keep: prop::sample::Index, tail in "[A-Za-z0-9_=-]{1,8}") {
        let (key, tenant) = (key(3), tenant());
        let place = Place::new(&tenant, "messages", "m", "content");
        let whole = key.seal(&place, &Phi::new(text)).as_text().to_owned();
        let cut = Sealed::from_text(whole[..keep.index(whole.len())].to_owned());
        prop_assert!(key.open(&place, &cut).is_err());
        prop_assert!(key.open(&place, &Sealed::from_text(whole + &tail)).is_err());
    }

    #[test]
    fn another_place_does_not_open_it(
        a in ["[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"],
        b in ["[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"],
        tenants in ("[ab]{1,3}", "[ab]{1,3}"),
    ) {
        let key = key(3);
        let (one, two): (TenantId, TenantId) = (tenants.0.parse().unwrap(), tenants.1.parse().unwrap());
        let here = Place::new(&one, &a[0], &a[1], &a[2]);
        let there = Place::new(&two, &b[0], &b[1], &b[2]);
        let opened = key.open(&there, &key.seal(&here, &Phi::new("text".to_owned())));
        prop_assert_eq!(damaged(&opened), here != there);
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "1?.{0,80}") {
        let tenant = tenant();
        prop_assert!(key(3).open(&Place::new(&tenant, "c", "i", "f"), &Sealed::from_text(text)).is_err());
    }
}

#[test]
fn another_key_does_not_open_it() {
    let tenant = tenant();
    let place = Place::new(&tenant, "messages", "m", "content");
    let sealed = key(3).seal(&place, &Phi::new("Canary Finch".to_owned()));
    assert!(damaged(&key(4).open(&place, &sealed)));
}

#[test]
fn errors_name_the_place_and_not_the_content() {
    let (key, tenant) = (key(3), tenant());
    let place = Place::new(&tenant, "users", "u1", "name");
    let sealed = key.seal_json(&place, &Phi::new("Canary Finch")).unwrap();
    assert_eq!(key.open_json::<String>(&place, &sealed).unwrap().disclose(), "Canary Finch");
    let wrong_type = key.open_json::<u64>(&place, &sealed).unwrap_err();
    assert_eq!(wrong_type.to_string(), "users/u1 \"name\" is not of the expected type");
    assert!(!format!("{wrong_type:?}").contains("Canary"));
    let unknown = key.open(&place, &Sealed::from_text("2abc".to_owned())).unwrap_err();
    assert_eq!(unknown.to_string(), "users/u1 \"name\" is sealed in a form that this version does not know");
}
