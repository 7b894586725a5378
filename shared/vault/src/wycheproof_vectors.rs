//! Project Wycheproof's vectors (<https://github.com/C2SP/wycheproof>) through the functions that the vault itself seals,
//! opens and hashes with.

use kernel::Random;
use wycheproof::{TestResult, aead, mac};

use crate::DataKeyBytes;
use crate::blind_index::{hmac_key, hmac_sha256};
use crate::subject_key::{cipher, decrypt, encrypt};

/// A random source that gives a vector's nonce.
struct Nonce(Vec<u8>);

impl Random for Nonce {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn aes_256_gcm_seals_and_opens_as_it_must() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    // The vault knows one form: 256-bit keys, 96-bit nonces, 128-bit tags.
    let is_ours = |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().filter(is_ours).flat_map(|group| &group.tests) {
        let key = cipher(&DataKeyBytes::from_slice(&test.key).unwrap());
        let sealed = [&test.nonce[..], &test.ct[..], &test.tag[..]].concat();
        let opened = decrypt(&key, &test.aad, sealed.clone());
        match test.result {
            TestResult::Invalid => {
                assert!(opened.is_none(), "vector {}: {} ({:?})", test.tc_id, test.comment, test.flags);
                invalid += 1;
            }
            TestResult::Valid | TestResult::Acceptable => {
                assert_eq!(opened.unwrap().as_slice(), &test.pt[..], "vector {}", test.tc_id);
                let ours = encrypt(&key, &Nonce(test.nonce.to_vec()), &test.aad, &test.pt);
                assert_eq!(ours, sealed, "vector {}", test.tc_id);
                valid += 1;
            }
        }
    }
    assert_eq!((valid, invalid), (39, 27), "vectors that ran");
}

/// Keys, nonces or tags of another size are refused without a panic, whatever they are of.
#[test]
fn sealed_text_of_another_form_of_gcm_does_not_open() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let is_other = |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128);
    let mut ran = 0;
    for test in set.test_groups.iter().filter(is_other).flat_map(|group| &group.tests) {
        let Some(key) = DataKeyBytes::from_slice(&test.key) else {
            assert_ne!(test.key.len(), 32);
            continue;
        };
        let sealed = [&test.nonce[..], &test.ct[..], &test.tag[..]].concat();
        assert!(decrypt(&cipher(&key), &test.aad, sealed).is_none(), "vector {}", test.tc_id);
        ran += 1;
    }
    assert_eq!(ran, 39, "vectors that ran");
}

/// The blind index uses whole tags of 32 bytes and their first 16, as the vectors do.
#[test]
fn hmac_sha256_is_what_it_must_be() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let tag = hmac_sha256(&hmac_key(&test.key), &test.msg);
            let is_equal = tag.as_ref()[..group.tag_size / 8] == test.tag[..];
            assert_eq!(is_equal, !test.result.must_fail(), "vector {}: {}", test.tc_id, test.comment);
            if is_equal { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((valid, invalid), (66, 108), "vectors that ran");
}
