//! A KMS that is busy, away, changed on the way, or refuses.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use kernel::{OsRandom, TenantId};
use testkit::FixedClock;
use vault::{DataKeyBytes, Error, KeyWrap, WrappedKey};
use vault_kms::{KmsConfig, KmsError, KmsKeys, Patience};

use crate::fake::{FakeKms, Fault, RING, name};

fn clinic() -> TenantId {
    "clinic".parse().unwrap()
}

async fn wrap(keys: &KmsKeys) -> Result<WrappedKey, Error> {
    keys.wrap(&clinic(), "chat_7", &DataKeyBytes::generate(&OsRandom)).await
}

fn cause(error: &Error) -> &KmsError {
    error.source().unwrap().downcast_ref().unwrap()
}

const BUSY: Fault =
    Fault::Status(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Cryptographic requests'");
const AWAY: Fault = Fault::Status(503, "UNAVAILABLE", "The service is currently unavailable.");

#[tokio::test]
async fn a_busy_kms_is_asked_again() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    kms.next([BUSY, Fault::Html(502)]);
    let wrapped = wrap(&keys).await.unwrap();
    assert_eq!(kms.calls().len(), 3);
    kms.next([AWAY]);
    keys.unwrap(&clinic(), "chat_7", &wrapped).await.unwrap();
    kms.next([AWAY]);
    keys.current(&clinic()).await.unwrap();
    assert_eq!(kms.calls(), ["decrypt", "decrypt", "get", "get"]);
}

#[tokio::test]
async fn a_kms_that_stays_away_is_given_up_for_now() {
    let kms = FakeKms::start(&["clinic"]).await;
    kms.next([AWAY, AWAY, BUSY, AWAY]);
    let error = wrap(&kms.client()).await.unwrap_err();
    assert!(matches!(error, Error::KeyServiceUnavailable { .. }) && error.is_retryable());
    let words = "RESOURCE_EXHAUSTED: Quota exceeded for quota metric 'Cryptographic requests'";
    assert_eq!(cause(&error).to_string(), format!("Cloud KMS is not available for {}: {words}", name("clinic")));
    assert_eq!(kms.calls().len(), 3);
}

/// <https://cloud.google.com/kms/docs/data-integrity-guidelines>: a limited number of retries.
#[tokio::test]
async fn what_is_corrupted_on_the_way_is_sent_again() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    let wrapped = wrap(&keys).await.unwrap();
    kms.calls();
    for fault in [Fault::CorruptedThere, Fault::CorruptedBack, Fault::ChecksumsLost, Fault::NoChecksumBack] {
        kms.next([fault.clone()]);
        wrap(&keys).await.unwrap();
        assert_eq!(kms.calls(), ["encrypt", "encrypt"], "{fault:?}");
    }
    for fault in [Fault::CorruptedThere, Fault::CorruptedBack, Fault::NoChecksumBack] {
        kms.next([fault.clone()]);
        keys.unwrap(&clinic(), "chat_7", &wrapped).await.unwrap();
        assert_eq!(kms.calls(), ["decrypt", "decrypt"], "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_corrupted_each_time_is_refused() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    let wrapped = wrap(&keys).await.unwrap();
    kms.calls();
    for (fault, part) in [
        (Fault::CorruptedThere, "the request"),
        (Fault::CorruptedBack, "the ciphertext"),
        (Fault::ChecksumsLost, "the checksum of the data key"),
        (Fault::NoChecksumBack, "the ciphertext"),
    ] {
        kms.next(vec![fault; 3]);
        let error = wrap(&keys).await.unwrap_err();
        assert!(matches!(error, Error::KeyServiceRefused { .. }), "{error:?}");
        assert!(matches!(cause(&error), KmsError::Corrupted { what, .. } if *what == part), "{error:?}");
        assert_eq!(kms.calls().len(), 3);
    }
    // It is the way that is at fault, not what is stored.
    for fault in [Fault::CorruptedThere, Fault::CorruptedBack] {
        kms.next(vec![fault; 3]);
        let error = keys.unwrap(&clinic(), "chat_7", &wrapped).await.unwrap_err();
        assert!(matches!(cause(&error), KmsError::Corrupted { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_once() {
    let kms = FakeKms::start(&["clinic"]).await;
    let message = "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource (or it may not exist).";
    kms.next([Fault::Status(403, "PERMISSION_DENIED", message)]);
    let error = wrap(&kms.client()).await.unwrap_err();
    assert!(matches!(error, Error::KeyServiceRefused { .. }) && !error.is_retryable());
    let told = cause(&error).to_string();
    assert!(told.contains("useToEncrypt") && told.contains("roles/cloudkms.cryptoKeyEncrypterDecrypter"), "{told}");
    assert!(told.contains(&name("clinic")), "{told}");
    assert_eq!(kms.calls().len(), 1, "it would not help to try again");
}

#[tokio::test]
async fn a_missing_key_says_how_to_make_it() {
    let kms = FakeKms::start(&[]).await;
    let keys = kms.client();
    for error in [wrap(&keys).await.unwrap_err(), keys.current(&clinic()).await.unwrap_err()] {
        let told = cause(&error).to_string();
        assert!(told.starts_with(&format!("there is no key {}: make it with", name("clinic"))), "{told}");
        assert!(matches!(error, Error::KeyServiceRefused { .. }));
    }
    let long: TenantId = "x".repeat(57).parse().unwrap();
    let error = keys.current(&long).await.unwrap_err();
    assert!(matches!(cause(&error), KmsError::NoName(_)), "{error:?}");
}

#[tokio::test]
async fn a_version_out_of_use_is_named() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    let wrapped = wrap(&keys).await.unwrap();
    for (state, told) in
        [("DISABLED", "disabled"), ("DESTROY_SCHEDULED", "destroy_scheduled"), ("DESTROYED", "destroyed")]
    {
        kms.set_state("clinic", 1, state);
        let unwrapping = keys.unwrap(&clinic(), "chat_7", &wrapped).await.unwrap_err();
        for error in [unwrapping, wrap(&keys).await.unwrap_err()] {
            assert!(matches!(error, Error::KeyServiceRefused { .. }), "{error:?}");
            let says = cause(&error).to_string();
            let begins = format!("{}/cryptoKeyVersions/1 is {told}: restore and enable it", name("clinic"));
            assert!(says.starts_with(&begins), "{says}");
        }
    }
    kms.rotate("clinic");
    let newer = wrap(&keys).await.unwrap();
    assert_eq!(newer.wrapped_by, "tenant-clinic/cryptoKeyVersions/2");
    kms.remove_primary("clinic");
    let error = keys.current(&clinic()).await.unwrap_err();
    assert!(matches!(cause(&error), KmsError::NoPrimary { .. }), "{error:?}");
}

fn hasty(config: KmsConfig, patience: Patience) -> KmsKeys {
    KmsKeys::new(config.with_patience(patience), Arc::new(FixedClock::default()))
}

#[tokio::test]
async fn silence_is_no_answer_and_the_next_attempt_may_get_one() {
    let kms = FakeKms::start(&["clinic"]).await;
    let patience = Patience { attempts: 3, attempt: Duration::from_millis(500), whole: Duration::from_secs(10) };
    let keys = hasty(kms.config(), patience);
    // The first call makes the client, which takes its time.
    wrap(&keys).await.unwrap();
    kms.calls();
    kms.next([Fault::Silence]);
    wrap(&keys).await.unwrap();
    assert_eq!(kms.calls().len(), 2);
}

#[tokio::test]
async fn a_deadline_ends_it_all() {
    let kms = FakeKms::start(&["clinic"]).await;
    let second = Duration::from_secs(1);
    kms.next(vec![Fault::Silence; 9]);
    for patience in [
        Patience { attempts: 1, attempt: Duration::from_millis(50), whole: second * 60 },
        Patience { attempts: 9, attempt: second * 60, whole: Duration::from_millis(50) },
    ] {
        let error = wrap(&hasty(kms.config(), patience)).await.unwrap_err();
        assert!(error.is_retryable());
        let KmsError::NoAnswer { deadline, .. } = cause(&error) else { panic!("{error:?}") };
        assert_eq!(*deadline, Duration::from_millis(50));
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let config = KmsConfig::new(RING, Some(format!("http://127.0.0.1:{port}"))).unwrap();
    let patience = Patience { attempts: 2, ..Patience::default() };
    let error = wrap(&hasty(config, patience)).await.unwrap_err();
    assert!(matches!(cause(&error), KmsError::Unavailable { reason, .. } if reason == "no connection"), "{error:?}");
}

/// What parses to nothing may be part of a key.
#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_repeated() {
    let kms = FakeKms::start(&["clinic"]).await;
    let keys = kms.client();
    let wrapped = wrap(&keys).await.unwrap();
    kms.next(vec![Fault::Nonsense("canary-!!"); 3]);
    let error = keys.unwrap(&clinic(), "chat_7", &wrapped).await.unwrap_err();
    assert!(matches!(cause(&error), KmsError::Unavailable { reason, .. } if reason == "its answer is none of KMS"));
    let told = format!("{error} {error:?} {} {:?}", cause(&error), cause(&error));
    assert!(!told.contains("canary"), "{told}");
}
