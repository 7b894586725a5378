//! Calls of Cloud KMS, each checked by checksums as
//! <https://cloud.google.com/kms/docs/data-integrity-guidelines> asks, and tried again where that may help.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::backoff_policy::BackoffPolicy;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_kms_v1::model::{DecryptResponse, EncryptResponse};
use tokio::sync::OnceCell;
use vault::DataKeyBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::{KmsConfig, KmsError};

/// By this variable Google's clients log what they send and get.
const LOGGING_VARIABLE: &str = "GOOGLE_CLOUD_RUST_LOGGING";

/// A client of KMS, made when it is first used.
pub(crate) struct KeyService {
    config: KmsConfig,
    client: OnceCell<KeyManagementService>,
    backoff: ExponentialBackoff,
}

/// What KMS encrypted.
pub(crate) struct Encrypted {
    /// The number of the version that did it.
    pub(crate) version: String,
    pub(crate) ciphertext: Vec<u8>,
}

impl KeyService {
    pub(crate) fn new(config: KmsConfig) -> Self {
        let backoff = ExponentialBackoffBuilder::new().with_initial_delay(Duration::from_millis(100));
        let backoff = backoff.with_maximum_delay(Duration::from_secs(2)).clamp();
        Self { config, client: OnceCell::new(), backoff }
    }

    pub(crate) async fn encrypt(&self, key: &str, plain: &DataKeyBytes, bound: &[u8]) -> Result<Encrypted, KmsError> {
        let once = async || {
            // Google's client takes a copy; this one is cleared when the client lets go of it.
            let copy = Bytes::from_owner(Zeroizing::new(plain.expose().to_vec()));
            let request = self.client().await?.encrypt().set_name(key);
            let request = request.set_plaintext_crc32c(checksum(plain.expose())).set_plaintext(copy);
            let request = request.set_additional_authenticated_data(bound.to_vec());
            let answer = request.set_additional_authenticated_data_crc32c(checksum(bound)).send().await;
            checked_encryption(key, answer.map_err(|error| KmsError::of(key, &error))?)
        };
        self.patiently(key, once).await
    }

    pub(crate) async fn decrypt(
        &self,
        key: &str,
        ciphertext: &[u8],
        bound: &[u8],
    ) -> Result<Option<DataKeyBytes>, KmsError> {
        let once = async || {
            let request = self.client().await?.decrypt().set_name(key);
            let request = request.set_ciphertext(ciphertext.to_vec()).set_ciphertext_crc32c(checksum(ciphertext));
            let request = request.set_additional_authenticated_data(bound.to_vec());
            let answer = request.set_additional_authenticated_data_crc32c(checksum(bound)).send().await;
            match answer {
                Ok(answer) => checked_decryption(key, answer),
                Err(error) => Err(not_decrypted(key, KmsError::of(key, &error), &error)),
            }
        };
        self.patiently(key, once).await
    }

    /// The number of the version that encrypts now.
    pub(crate) async fn primary(&self, key: &str) -> Result<String, KmsError> {
        let once = async || {
            let answer = self.client().await?.get_crypto_key().set_name(key).send().await;
            let answer = answer.map_err(|error| KmsError::of(key, &error))?;
            let primary = answer.primary.and_then(|version| version_of(key, &version.name));
            primary.ok_or_else(|| KmsError::NoPrimary { key: key.to_owned() })
        };
        self.patiently(key, once).await
    }

    async fn client(&self) -> Result<&KeyManagementService, KmsError> {
        let build = || async {
            if logs_everything(std::env::var(LOGGING_VARIABLE).ok().as_deref()) {
                return Err(KmsError::WouldBeLogged);
            }
            let builder = KeyManagementService::builder().with_retry_policy(NeverRetry);
            let builder = match self.config.endpoint() {
                Some(url) => builder.with_endpoint(url).with_credentials(anonymous::Builder::new().build()),
                None => builder,
            };
            builder.build().await.map_err(KmsError::NoClient)
        };
        self.client.get_or_try_init(build).await
    }

    /// Tries a call as often and as long as the configuration has patience for.
    async fn patiently<T, F>(&self, key: &str, once: impl Fn() -> F) -> Result<T, KmsError>
    where
        F: Future<Output = Result<T, KmsError>>,
    {
        let patience = self.config.patience();
        let no_answer = |deadline| KmsError::NoAnswer { key: key.to_owned(), deadline };
        let attempts = async {
            let mut attempt = 1;
            loop {
                let answer = tokio::time::timeout(patience.attempt, once()).await;
                let error = match answer.unwrap_or_else(|_| Err(no_answer(patience.attempt))) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if attempt >= patience.attempts || !error.is_worth_another_attempt() {
                    return Err(error);
                }
                let wait = self.backoff.on_failure(&RetryState::new(true).set_attempt_count(attempt));
                tracing::warn!(%error, attempt, wait_ms = wait.as_millis(), "Cloud KMS will be asked again");
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
        };
        tokio::time::timeout(patience.whole, attempts).await.unwrap_or_else(|_| Err(no_answer(patience.whole)))
    }
}

/// As KMS counts it: the CRC32C in a signed number of 64 bits.
fn checksum(bytes: &[u8]) -> i64 {
    i64::from(crc32c::crc32c(bytes))
}

fn checked_encryption(key: &str, answer: EncryptResponse) -> Result<Encrypted, KmsError> {
    let corrupted = |what| KmsError::Corrupted { key: key.to_owned(), what };
    if !answer.verified_plaintext_crc32c {
        return Err(corrupted("the checksum of the data key"));
    }
    if !answer.verified_additional_authenticated_data_crc32c {
        return Err(corrupted("the checksum of the associated data"));
    }
    if answer.ciphertext_crc32c != Some(checksum(&answer.ciphertext)) {
        return Err(corrupted("the ciphertext"));
    }
    let version = version_of(key, &answer.name).ok_or_else(|| corrupted("the key version's name"))?;
    Ok(Encrypted { version, ciphertext: answer.ciphertext.into() })
}

/// `None` where KMS decrypted something that is no data key.
fn checked_decryption(key: &str, answer: DecryptResponse) -> Result<Option<DataKeyBytes>, KmsError> {
    let is_whole = answer.plaintext_crc32c == Some(checksum(&answer.plaintext));
    let data_key = DataKeyBytes::from_slice(&answer.plaintext);
    if let Ok(mut plain) = answer.plaintext.try_into_mut() {
        plain.as_mut().zeroize();
    }
    if is_whole {
        Ok(data_key)
    } else {
        Err(KmsError::Corrupted { key: key.to_owned(), what: "the decrypted data key" })
    }
}

/// KMS has one code for a ciphertext that is damaged, of another key, or bound to something else.
fn not_decrypted(key: &str, error: KmsError, answer: &google_cloud_gax::error::Error) -> KmsError {
    match error {
        KmsError::Refused { reason, .. } if answer.status().is_some_and(|s| s.code == Code::InvalidArgument) => {
            KmsError::Damaged { key: key.to_owned(), reason }
        }
        other => other,
    }
}

/// The number of a version of this key. KMS may name the project by its number, so that only the end is compared.
fn version_of(key: &str, full_name: &str) -> Option<String> {
    let (of_key, version) = full_name.split_once("/cryptoKeyVersions/")?;
    let name = |full: &str| full.rsplit_once("/cryptoKeys/").map(|(_, name)| name.to_owned());
    let is_number = !version.is_empty() && version.bytes().all(|c| c.is_ascii_digit());
    (is_number && name(of_key) == name(key)).then(|| version.to_owned())
}

fn logs_everything(variable: Option<&str>) -> bool {
    variable == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_of_its_key() {
        let key = "projects/p/locations/us/keyRings/r/cryptoKeys/tenant-a";
        let of = |name: &str| version_of(key, name);
        assert_eq!(of(&format!("{key}/cryptoKeyVersions/12")).as_deref(), Some("12"));
        assert_eq!(
            of("projects/77/locations/us/keyRings/r/cryptoKeys/tenant-a/cryptoKeyVersions/3").as_deref(),
            Some("3")
        );
        for bad in [
            "",
            key,
            &format!("{key}/cryptoKeyVersions/"),
            &format!("{key}/cryptoKeyVersions/x"),
            &format!("{key}b/cryptoKeyVersions/1"),
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    /// From the CRC catalogue: the check value of CRC-32/ISCSI.
    #[test]
    fn the_checksum_is_crc32c_and_never_negative() {
        assert_eq!(checksum(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn googles_own_logging_is_noticed() {
        assert!(logs_everything(Some("true")));
        assert!(!logs_everything(Some("false")) && !logs_everything(None));
    }
}
