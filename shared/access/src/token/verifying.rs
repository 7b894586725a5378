use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::json;

use super::keys::{FORMER, PRIVATE, PUBLIC, PUBLIC_KEY_HEAD, SigningKeysError, private_point};
use super::pem;

/// The public keys by which tokens and statements are checked: what functions have that sign nothing.
#[derive(Clone, Default)]
pub struct VerifyingKeys(BTreeMap<String, VerifyingKey>);

#[derive(Clone)]
struct VerifyingKey {
    key: DecodingKey,
    /// The uncompressed point: 4, x, y.
    point: Vec<u8>,
    /// Whether access tokens may be signed by it; else only statements, which outlive the key that signed them.
    is_for_tokens: bool,
}

impl VerifyingKeys {
    /// The keys of a PEM text: at least one `PUBLIC KEY`. A `STATEMENT PUBLIC KEY` has been replaced, and checks what was
    /// stated under it but no access token. Of a `PRIVATE KEY` the public half is taken and the rest left.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeysError> {
        let mut keys = Self::default();
        for (index, block) in pem::blocks(text).into_iter().enumerate() {
            keys.add(index + 1, &block)?;
        }
        if keys.0.values().any(|key| key.is_for_tokens) { Ok(keys) } else { Err(SigningKeysError::NoPublic) }
    }

    /// Takes in the key of a block, the `number`th of its text, and answers with its id.
    pub(super) fn add(&mut self, number: usize, block: &pem::Block<'_>) -> Result<String, SigningKeysError> {
        let unusable = || SigningKeysError::Unusable { number, label: block.label.to_owned() };
        let content = block.content.as_ref().ok_or_else(unusable)?;
        let point = match block.label {
            PRIVATE => private_point(content),
            PUBLIC | FORMER => content.strip_prefix(PUBLIC_KEY_HEAD.as_slice()).map(<[u8]>::to_vec),
            _ => None,
        };
        point.and_then(|point| self.insert(point, block.label != FORMER)).ok_or_else(unusable)
    }

    /// Takes in a key from its uncompressed point, and answers with its id: its thumbprint (RFC 7638).
    pub(super) fn insert(&mut self, point: Vec<u8>, is_for_tokens: bool) -> Option<String> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
        if point.len() != 65 {
            return None;
        }
        let (x, y) = coordinates(&point);
        let key = DecodingKey::from_ec_components(&x, &y).ok()?;
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        self.0.insert(id.clone(), VerifyingKey { key, point, is_for_tokens });
        Some(id)
    }

    /// The key that checks access tokens with this id.
    pub(super) fn of_tokens(&self, id: &str) -> Option<&DecodingKey> {
        self.0.get(id).filter(|key| key.is_for_tokens).map(|key| &key.key)
    }

    /// The key that checks statements with this id.
    pub(super) fn of_statements(&self, id: &str) -> Option<&DecodingKey> {
        self.0.get(id).map(|key| &key.key)
    }

    /// A key as PEM.
    pub(super) fn to_pem(&self, id: &str) -> Option<String> {
        let point = &self.0.get(id)?.point;
        Some(pem::encode(PUBLIC, &[PUBLIC_KEY_HEAD.as_slice(), point].concat()).to_string())
    }

    /// The keys that check access tokens, as RFC 7517 has them.
    pub(super) fn jwks(&self) -> serde_json::Value {
        let key = |(id, key): (&String, &VerifyingKey)| {
            let (x, y) = coordinates(&key.point);
            json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y})
        };
        json!({ "keys": self.0.iter().filter(|(_, key)| key.is_for_tokens).map(key).collect::<Vec<_>>() })
    }
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKeys({})", self.0.len())
    }
}

/// The x and y of an uncompressed point of 65 bytes, in base64url.
fn coordinates(point: &[u8]) -> (String, String) {
    (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]))
}
