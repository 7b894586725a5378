use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jsonwebtoken::EncodingKey;
use zeroize::Zeroizing;

use super::VerifyingKeys;
use super::pem;

pub(super) const PRIVATE: &str = "PRIVATE KEY";
pub(super) const PUBLIC: &str = "PUBLIC KEY";
/// A key of ours alone: one whose tokens do not count any more, while what was stated under it still does.
pub(super) const FORMER: &str = "STATEMENT PUBLIC KEY";
/// What stands before the point in a P-256 public key (RFC 5480).
pub(super) const PUBLIC_KEY_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// There is no key in the text.
    #[error("there is no PEM block in the signing keys; the first has to be a PKCS#8 \"{PRIVATE}\" of curve P-256")]
    None,
    /// There is no public key in the text, or none that checks access tokens.
    #[error("there is no \"{PUBLIC}\" in the verifying keys; at least one has to be there")]
    NoPublic,
    /// The first key cannot sign.
    #[error("the first of the signing keys is \"{label}\"; it has to be \"{PRIVATE}\", which signs")]
    FirstIsPublic {
        /// Its label.
        label: String,
    },
    /// A key is damaged or of another kind.
    #[error("signing key {number} (\"{label}\") is no P-256 key in PKCS#8 (private) or SubjectPublicKeyInfo (public)")]
    Unusable {
        /// Which, from 1.
        number: usize,
        /// Its label.
        label: String,
    },
    /// No key could be made.
    #[error("a signing key could not be made")]
    NotMade,
}

/// The P-256 key that signs, and the older ones whose tokens still hold.
pub struct SigningKeys {
    current: String,
    signing: EncodingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    verifying: VerifyingKeys,
}

impl SigningKeys {
    /// One new key.
    pub fn generate() -> Result<Self, SigningKeysError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningKeysError::NotMade)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| SigningKeysError::NotMade)?;
        let mut verifying = VerifyingKeys::default();
        let point = pair.public_key().as_ref().to_vec();
        let id = verifying.insert(point, true).ok_or(SigningKeysError::NotMade)?;
        Ok(Self::of(pkcs8.as_ref(), id, verifying))
    }

    /// The keys of a PEM text: the first, private, signs; any further ones, private or public, only verify. To rotate,
    /// put a new key first, and make the old one a `STATEMENT PUBLIC KEY` when its last token has expired: audit
    /// checkpoints and certificates are checked by it for as long as they are kept.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeysError> {
        let blocks = pem::blocks(text);
        let first = blocks.first().ok_or(SigningKeysError::None)?;
        if first.label != PRIVATE && [PUBLIC, FORMER].contains(&first.label) {
            return Err(SigningKeysError::FirstIsPublic { label: first.label.to_owned() });
        }
        let mut verifying = VerifyingKeys::default();
        let mut ids = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.iter().enumerate() {
            ids.push(verifying.add(index + 1, block)?);
        }
        let (Some(id), Some(pkcs8)) = (ids.first(), &first.content) else { return Err(SigningKeysError::None) };
        Ok(Self::of(pkcs8, id.clone(), verifying))
    }

    /// The key that signs, as PEM with PKCS#8. For a file that only its owner may read, or a secret manager.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(PRIVATE, &self.pkcs8)
    }

    /// The public half of the key that signs, as PEM.
    pub fn public_pem(&self) -> String {
        self.verifying.to_pem(&self.current).unwrap_or_default()
    }

    /// The id of the key that signs: its thumbprint (RFC 7638).
    pub fn current_id(&self) -> &str {
        &self.current
    }

    /// What signs, and what verifies.
    pub(super) fn into_parts(self) -> (Signing, VerifyingKeys) {
        (Signing { id: self.current, key: self.signing }, self.verifying)
    }

    fn of(pkcs8: &[u8], id: String, verifying: VerifyingKeys) -> Self {
        Self { current: id, signing: EncodingKey::from_ec_der(pkcs8), pkcs8: Zeroizing::new(pkcs8.to_vec()), verifying }
    }
}

/// The key that signs, with its id.
pub(super) struct Signing {
    pub(super) id: String,
    pub(super) key: EncodingKey,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({} of {:?})", self.current, self.verifying)
    }
}

/// The uncompressed public point of a private key.
pub(super) fn private_point(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}
