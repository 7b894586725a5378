use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::pem;

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
/// What stands before the point in a P-256 public key (RFC 5480).
const PUBLIC_KEY_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// There is no key in the text.
    #[error("there is no PEM block in the signing keys; the first has to be a PKCS#8 \"{PRIVATE}\" of curve P-256")]
    None,
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
    verifying: BTreeMap<String, VerifyingKey>,
}

struct VerifyingKey {
    key: DecodingKey,
    /// The uncompressed point: 4, x, y.
    point: Vec<u8>,
}

impl SigningKeys {
    /// One new key.
    pub fn generate() -> Result<Self, SigningKeysError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningKeysError::NotMade)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| SigningKeysError::NotMade)?;
        let (id, verifying) = verifying(pair.public_key().as_ref()).ok_or(SigningKeysError::NotMade)?;
        Ok(Self::of(pkcs8.as_ref(), id, verifying))
    }

    /// The keys of a PEM text: the first, private, signs; any further ones, private or public, only verify. To rotate,
    /// put a new key first and take the old one away when its last token has expired.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeysError> {
        let mut keys: Option<Self> = None;
        for (index, block) in pem::blocks(text).into_iter().enumerate() {
            let unusable = || SigningKeysError::Unusable { number: index + 1, label: block.label.to_owned() };
            let content = block.content.as_ref().ok_or_else(unusable)?;
            let point = match block.label {
                PRIVATE => private_point(content),
                PUBLIC => content.strip_prefix(PUBLIC_KEY_HEAD.as_slice()).map(<[u8]>::to_vec),
                _ => None,
            };
            let (id, verifying) = point.and_then(|point| verifying(&point)).ok_or_else(unusable)?;
            match &mut keys {
                Some(keys) => drop(keys.verifying.insert(id, verifying)),
                None if block.label == PRIVATE => keys = Some(Self::of(content, id, verifying)),
                None => return Err(SigningKeysError::FirstIsPublic { label: block.label.to_owned() }),
            }
        }
        keys.ok_or(SigningKeysError::None)
    }

    /// The key that signs, as PEM with PKCS#8. For a file that only its owner may read, or a secret manager.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(PRIVATE, &self.pkcs8)
    }

    /// The public half of the key that signs, as PEM.
    pub fn public_pem(&self) -> String {
        let point = self.verifying.get(&self.current).map_or(&[][..], |key| &key.point);
        pem::encode(PUBLIC, &[PUBLIC_KEY_HEAD.as_slice(), point].concat()).to_string()
    }

    /// The id of the key that signs: its thumbprint (RFC 7638).
    pub fn current_id(&self) -> &str {
        &self.current
    }

    pub(super) const fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) fn verifying(&self, id: &str) -> Option<&DecodingKey> {
        self.verifying.get(id).map(|verifying| &verifying.key)
    }

    pub(super) fn jwks(&self) -> serde_json::Value {
        let key = |(id, key): (&String, &VerifyingKey)| {
            let (x, y) = coordinates(&key.point);
            json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y})
        };
        json!({ "keys": self.verifying.iter().map(key).collect::<Vec<_>>() })
    }

    fn of(pkcs8: &[u8], id: String, verifying: VerifyingKey) -> Self {
        Self {
            current: id.clone(),
            signing: EncodingKey::from_ec_der(pkcs8),
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            verifying: BTreeMap::from([(id, verifying)]),
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({} of {})", self.current, self.verifying.len())
    }
}

fn private_point(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}

/// A key from its uncompressed point, with its id.
fn verifying(point: &[u8]) -> Option<(String, VerifyingKey)> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
    if point.len() != 65 {
        return None;
    }
    let (x, y) = coordinates(point);
    let key = DecodingKey::from_ec_components(&x, &y).ok()?;
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    Some((id, VerifyingKey { key, point: point.to_vec() }))
}

/// The x and y of an uncompressed point of 65 bytes, in base64url.
fn coordinates(point: &[u8]) -> (String, String) {
    (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]))
}
