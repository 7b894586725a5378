//! Keys that go there and come back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;
use kernel::{OsRandom, TenantId};
use testkit::SeededRandom;
use vault::{DataKeyBytes, Error, KeyWrap, WrappedKey};
use vault_kms::{KmsConfig, KmsKeys};

use crate::fake::{FakeKms, RING};

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn data_key() -> DataKeyBytes {
    DataKeyBytes::generate(&OsRandom)
}

#[tokio::test]
async fn a_data_key_comes_back_and_says_what_wrapped_it() {
    let kms = FakeKms::start(&["clinic", "registry"]).await;
    let keys = kms.client();
    for id in ["clinic", "registry"] {
        let plain = data_key();
        let wrapped = keys.wrap(&tenant(id), "chat_7", &plain).await.unwrap();
        assert_eq!(wrapped.wrapped_by, format!("tenant-{id}/cryptoKeyVersions/1"));
        assert!(!wrapped.bytes.windows(32).any(|part| part == plain.expose()));
        let back = keys.unwrap(&tenant(id), "chat_7", &wrapped).await.unwrap();
        assert_eq!(back.expose(), plain.expose());
        assert_eq!(keys.current(&tenant(id)).await.unwrap(), wrapped.wrapped_by);
    }
    assert_eq!(keys.name(), "cloud-kms");
}

#[tokio::test]
async fn every_call_carries_checksums_of_what_it_carries() {
    let kms = FakeKms::start(&["clinic"]).await;
    let plain = data_key();
    let wrapped = kms.client().wrap(&tenant("clinic"), "chat_7", &plain).await.unwrap();
    kms.client().unwrap(&tenant("clinic"), "chat_7", &wrapped).await.unwrap();
    let bodies = kms.bodies();
    let bound = vault::associated_data(&tenant("clinic"), "chat_7", "tenant-clinic");
    for (body, field, sent) in
        [(&bodies[0], "plaintext", &plain.expose()[..]), (&bodies[1], "ciphertext", &wrapped.bytes)]
    {
        assert_eq!(body[field], STANDARD.encode(sent));
        assert_eq!(body[format!("{field}Crc32c")], crc32c::crc32c(sent).to_string());
        assert_eq!(body["additionalAuthenticatedData"], STANDARD.encode(&bound));
        assert_eq!(body["additionalAuthenticatedDataCrc32c"], crc32c::crc32c(&bound).to_string());
    }
}

#[tokio::test]
async fn what_was_altered_or_belongs_elsewhere_does_not_unwrap() {
    let kms = FakeKms::start(&["clinic", "other"]).await;
    let keys = kms.client();
    let (clinic, other) = (tenant("clinic"), tenant("other"));
    let wrapped = keys.wrap(&clinic, "chat_7", &data_key()).await.unwrap();
    kms.calls();
    let as_others = WrappedKey { wrapped_by: "tenant-other/cryptoKeyVersions/1".to_owned(), ..wrapped.clone() };
    let with = |bytes: &[u8]| WrappedKey { bytes: bytes.to_vec(), ..wrapped.clone() };
    let mut altered = wrapped.bytes.clone();
    altered[20] ^= 1;
    for (whose, key_id, stored, why) in [
        (&clinic, "chat_8", wrapped.clone(), "another data key's place"),
        (&other, "chat_7", wrapped.clone(), "another tenant's place"),
        (&other, "chat_7", as_others, "another tenant's key"),
        (&clinic, "chat_7", with(&altered), "an altered one"),
        (&clinic, "chat_7", with(&[1, 2, 3]), "a short one"),
        (&clinic, "chat_7", with(&[]), "an empty one"),
    ] {
        let error = keys.unwrap(whose, key_id, &stored).await.unwrap_err();
        assert!(matches!(&error, Error::DamagedKey { key_id: id } if id == key_id), "{why}: {error:?}");
        assert!(!error.is_retryable());
    }
    assert_eq!(kms.calls().len(), 5, "one is refused without a call, none is tried twice");
}

#[tokio::test]
async fn a_key_that_another_keeper_wrapped_is_told_apart() {
    let kms = FakeKms::start(&["clinic"]).await;
    let of_a_key_file = WrappedKey { wrapped_by: "a1b2".to_owned(), bytes: vec![0; 60] };
    let error = kms.client().unwrap(&tenant("clinic"), "chat_7", &of_a_key_file).await.unwrap_err();
    assert!(matches!(error, Error::UnknownWrappingKey { wrapped_by, .. } if wrapped_by == "a1b2"));
    assert_eq!(kms.calls().len(), 0);
}

#[tokio::test]
async fn what_decrypts_to_no_data_key_is_damaged() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    let short = kms.encrypted_by_hand("clinic", "chat_7", b"too short");
    let error = keys.unwrap(&tenant("clinic"), "chat_7", &short).await.unwrap_err();
    assert!(matches!(error, Error::DamagedKey { .. }), "{error:?}");
}

/// A platform is put together before anything listens.
#[tokio::test]
async fn nothing_is_asked_before_it_is_needed() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    assert_eq!(format!("{keys:?}"), format!("KmsKeys({RING})"));
    assert!(kms.calls().is_empty());
    // Without an endpoint there is not even a look for credentials.
    KmsKeys::new(KmsConfig::new(RING, None).unwrap(), std::sync::Arc::new(kernel::SystemClock));
}

#[tokio::test]
async fn many_at_once_are_all_right() {
    let kms = FakeKms::start(&["clinic"]).await;
    let (keys, random) = (kms.client(), SeededRandom::new(7));
    let clinic = tenant("clinic");
    let plain: Vec<_> = (0..100).map(|n| (format!("chat_{n}"), DataKeyBytes::generate(&random))).collect();
    let back = plain.iter().map(async |(id, plain)| {
        let wrapped = keys.wrap(&clinic, id, plain).await?;
        keys.unwrap(&clinic, id, &wrapped).await
    });
    let back = try_join_all(back).await.unwrap();
    for ((_, plain), back) in plain.iter().zip(back) {
        assert_eq!(plain.expose(), back.expose());
    }
}
