use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Phi, Random, RandomExt, Sealed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize, Zeroizing};

use crate::{DataKeyBytes, Error, Place};

/// The first character of sealed text: AES-256-GCM, a random 96-bit nonce, then ciphertext and tag, in base64url.
const FORM: char = '1';

/// A subject's data key, ready for use. Cheap to clone, cleared when its last clone is dropped.
#[derive(Clone)]
pub struct SubjectKey(Arc<Inner>);

struct Inner {
    cipher: LessSafeKey,
    bytes: DataKeyBytes,
    random: Arc<dyn Random>,
}

impl SubjectKey {
    pub(crate) fn new(bytes: DataKeyBytes, random: Arc<dyn Random>) -> Self {
        Self(Arc::new(Inner { cipher: cipher(&bytes), bytes, random }))
    }

    /// Seals text for a place.
    pub fn seal(&self, place: &Place<'_>, plain: &Phi<String>) -> Sealed {
        self.seal_bytes(place, plain.disclose().as_bytes())
    }

    /// Opens text in the place that it was sealed for.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Phi<String>, Error> {
        let plain = self.open_bytes(place, sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| wrong_type(place))?;
        Ok(Phi::new(text.to_owned()))
    }

    /// Seals a value as JSON.
    pub fn seal_json<T: Serialize>(&self, place: &Place<'_>, plain: &Phi<T>) -> Result<Sealed, Error> {
        let json = Zeroizing::new(serde_json::to_vec(plain.disclose()).map_err(|_| wrong_type(place))?);
        Ok(self.seal_bytes(place, &json))
    }

    /// Opens a value sealed as JSON.
    pub fn open_json<T: DeserializeOwned>(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Phi<T>, Error> {
        let json = self.open_bytes(place, sealed)?;
        serde_json::from_slice(&json).map(Phi::new).map_err(|_| wrong_type(place))
    }

    fn seal_bytes(&self, place: &Place<'_>, plain: &[u8]) -> Sealed {
        let sealed = encrypt(&self.0.cipher, self.0.random.as_ref(), &place.to_bytes(), plain);
        let mut text = String::with_capacity(1 + sealed.len().div_ceil(3) * 4);
        text.push(FORM);
        URL_SAFE_NO_PAD.encode_string(sealed, &mut text);
        Sealed::from_text(text)
    }

    fn open_bytes(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        let encoded = sealed.as_text().strip_prefix(FORM).ok_or_else(|| unknown_form(place))?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| damaged(place))?;
        decrypt(&self.0.cipher, &place.to_bytes(), bytes).ok_or_else(|| damaged(place))
    }

    /// A key for another purpose, derived from this one.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"consentmd vault").extract(self.0.bytes.expose());
        // Unwrap safety: HKDF-SHA-256 gives up to 255 * 32 bytes, 32 are asked for.
        #[expect(clippy::unwrap_used, reason = "the length is a constant that HKDF accepts")]
        root.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(derived.as_mut_slice())).unwrap();
        derived
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

/// AES-256-GCM under these 32 bytes.
pub(crate) fn cipher(bytes: &DataKeyBytes) -> LessSafeKey {
    // Unwrap safety: the only condition is the key's length, which its type holds.
    #[expect(clippy::unwrap_used, reason = "a key of 32 bytes is always accepted")]
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes.expose()).unwrap())
}

/// A fresh nonce, then ciphertext and tag.
pub(crate) fn encrypt(cipher: &LessSafeKey, random: &dyn Random, associated: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random.bytes();
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    // Unwrap safety: it fails only above 64 GiB, and documents have at most 1 MiB.
    #[expect(clippy::unwrap_used, reason = "no text in memory reaches the cipher's limit")]
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            &mut sealed[NONCE_LEN..],
        )
        .unwrap();
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// What [`encrypt`] was given; `None` where key, associated data or any bit differ.
pub(crate) fn decrypt(cipher: &LessSafeKey, associated: &[u8], sealed: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let mut sealed = Zeroizing::new(sealed);
    let (nonce, body) = sealed.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = cipher.open_in_place(nonce, Aad::from(associated), body).ok()?.len();
    let plain = Zeroizing::new(body[..length].to_vec());
    sealed.zeroize();
    Some(plain)
}

fn damaged(place: &Place<'_>) -> Error {
    Error::Damaged { collection: place.collection.to_owned(), id: place.id.to_owned(), field: place.field.to_owned() }
}

fn unknown_form(place: &Place<'_>) -> Error {
    Error::UnknownForm {
        collection: place.collection.to_owned(),
        id: place.id.to_owned(),
        field: place.field.to_owned(),
    }
}

fn wrong_type(place: &Place<'_>) -> Error {
    Error::WrongType { collection: place.collection.to_owned(), id: place.id.to_owned(), field: place.field.to_owned() }
}
