use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::SubjectKey;
use crate::place::length_prefixed;

/// The longest prefix that is indexed, in characters; a longer search asks for its first characters.
const LONGEST_PREFIX: usize = 12;
const SHORTEST_PREFIX: usize = 2;
/// At most so many words of a text are indexed, so that no text makes a document too large.
const MOST_WORDS: usize = 32;

/// Keyed hashes of a tenant's texts, by which sealed text is found: equal texts give equal hashes, and without the
/// tenant's key a hash tells nothing. Hashes of different labels (`"email"`, `"patient-name"`) never meet.
#[derive(Clone)]
pub struct BlindIndex(hmac::Key);

impl BlindIndex {
    pub(crate) fn new(tenant_key: &SubjectKey) -> Self {
        Self(hmac_key(tenant_key.derive("blind index v1").as_slice()))
    }

    /// The hash of a whole text that the caller has brought to one spelling. 64 hexadecimal digits: it may be a
    /// document's id, which makes the text unique.
    pub fn exact(&self, label: &str, normalised: &str) -> String {
        let tag = self.mac("exact", label, normalised);
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The hashes to store beside a sealed text, in an array field: one for each word's every beginning of 2 to 12
    /// characters, case and accents aside.
    pub fn tokens(&self, label: &str, text: &str) -> Vec<String> {
        let mut beginnings = BTreeSet::new();
        for word in words(text).into_iter().take(MOST_WORDS) {
            let length = word.chars().count();
            beginnings.extend((SHORTEST_PREFIX..=LONGEST_PREFIX.min(length)).map(|n| beginning(&word, n)));
            if length < SHORTEST_PREFIX {
                beginnings.insert(word);
            }
        }
        beginnings.iter().map(|text| self.token(label, text)).collect()
    }

    /// The hashes to ask for with `array-contains`, one for each word of what somebody typed. A word of more than 12
    /// characters finds all that begin like it: compare again after opening.
    pub fn search(&self, label: &str, typed: &str) -> Vec<String> {
        words(typed).iter().map(|word| self.token(label, &beginning(word, LONGEST_PREFIX))).collect()
    }

    /// 128 bits are enough to tell words apart and keep the array small.
    fn token(&self, label: &str, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.mac("token", label, text).as_ref()[..16])
    }

    fn mac(&self, kind: &str, label: &str, text: &str) -> hmac::Tag {
        hmac_sha256(&self.0, &length_prefixed("consentmd blind index v1", &[kind, label, text]))
    }
}

/// A key of HMAC-SHA-256.
pub(crate) fn hmac_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// The tag of a message, 32 bytes.
pub(crate) fn hmac_sha256(key: &hmac::Key, message: &[u8]) -> hmac::Tag {
    hmac::sign(key, message)
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex(..)")
    }
}

/// A text without its case, accents and compatibility forms, as the index compares it. Only the accents of Latin,
/// Greek and Cyrillic letters go: the vowel signs of Indic scripts are combining marks too, and carry the meaning.
pub fn fold(text: &str) -> String {
    let lower: String = text.nfkd().collect::<String>().to_lowercase();
    lower.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

/// The folded words of a text, as the index compares them.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let separates = |c: char| !(c.is_alphanumeric() || is_combining_mark(c));
    folded.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn beginning(word: &str, characters: usize) -> String {
    word.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_what_carries_meaning() {
        assert_eq!(fold("Ångström"), "angstrom");
        assert_eq!(fold("ＡＬＩＣＥ ﬁ"), "alice fi");
        assert_eq!(fold("İstanbul"), "istanbul");
        assert_ne!(fold("रवि"), fold("रव"), "a vowel sign is no accent");
        assert_eq!(words("O'Neil-Müller,  Zoë 42"), ["o", "neil", "muller", "zoe", "42"]);
        assert_eq!(words("विक्रम सिंह").len(), 2);
    }
}
