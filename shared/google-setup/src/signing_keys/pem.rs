//! PEM texts of P-256 keys: blocks, and the ids of public ones.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub(super) const PRIVATE: &str = "PRIVATE KEY";
pub(super) const PUBLIC: &str = "PUBLIC KEY";
/// A key whose tokens do not count any more, while what was stated under it does; see `access::token::VerifyingKeys`.
pub(super) const RETIRED: &str = "STATEMENT PUBLIC KEY";

/// What stands before the point in a P-256 public key (RFC 5480), the point's first byte with it.
const PUBLIC_KEY_HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The blocks of a text: label, and the block itself with its first and last line.
pub(super) fn blocks(text: &str) -> Result<Vec<(&str, Zeroizing<String>)>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let (label, body) = begun.split_once("-----").ok_or("a BEGIN line is cut off")?;
        let end = format!("-----END {label}-----");
        let (content, after) = body.split_once(&end).ok_or_else(|| format!("a \"{label}\" has no END line"))?;
        found.push((label, Zeroizing::new(format!("-----BEGIN {label}-----\n{}\n{end}\n", content.trim()))));
        rest = after;
    }
    if found.is_empty() { Err("there is no PEM block".to_owned()) } else { Ok(found) }
}

/// The id of a public key (RFC 7638) from its block; `None` where it is no P-256 key.
pub(super) fn public_id(block: &str) -> Option<String> {
    let lines = block.lines().filter(|line| !line.starts_with("-----"));
    let joined: String = lines.flat_map(str::split_whitespace).collect();
    let der = STANDARD.decode(joined).ok()?;
    let coordinates = der.strip_prefix(PUBLIC_KEY_HEAD.as_slice()).filter(|rest| rest.len() == 64)?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], coordinates].concat()).ok()?;
    let (x, y) = coordinates.split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes())))
}

#[cfg(test)]
mod tests {
    use access::token::SigningKeys;

    use super::*;

    #[test]
    fn a_public_key_has_the_id_that_tokens_name() {
        let keys = SigningKeys::generate().unwrap();
        assert_eq!(public_id(&keys.public_pem()).as_deref(), Some(keys.current_id()));
        let mut other = keys.public_pem();
        other.replace_range(130..131, "#");
        assert_eq!(public_id(&other), None);
        assert_eq!(public_id(&keys.to_pem()), None);
    }

    #[test]
    fn blocks_are_found_between_other_text() {
        let keys = SigningKeys::generate().unwrap();
        let text = format!("# first\r\n{}\n\n{}# last", keys.to_pem().as_str(), keys.public_pem());
        let found = blocks(&text).unwrap();
        assert_eq!(found.iter().map(|(label, _)| *label).collect::<Vec<_>>(), [PRIVATE, PUBLIC]);
        assert_eq!(found[0].1.as_str(), keys.to_pem().as_str());
        assert_eq!(found[1].1.as_str(), keys.public_pem());
        assert!(blocks("nothing").is_err());
        assert!(blocks("-----BEGIN X-----\nAA").is_err());
    }
}
