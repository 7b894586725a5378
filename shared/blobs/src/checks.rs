//! What every backend checks before it does anything.

use kernel::Time;

use crate::{BlobName, Error, LONGEST_URL_LIFETIME, UrlFor};

/// The longest content type, in bytes.
const LONGEST_CONTENT_TYPE: usize = 255;

/// Refuses what is not `type/subtype` and perhaps parameters, in characters that can stand in a header.
pub fn check_content_type(name: &BlobName, content_type: &str) -> Result<(), Error> {
    let visible = content_type.bytes().all(|c| c == b' ' || c.is_ascii_graphic());
    let kind = content_type.split(';').next().unwrap_or_default().trim_end();
    let has_two_parts =
        kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !kind.contains(' '));
    if visible && has_two_parts && content_type.len() <= LONGEST_CONTENT_TYPE {
        return Ok(());
    }
    Err(Error::BadContentType { name: name.clone() })
}

/// Refuses to sign a URL that would expire in the past or more than [`LONGEST_URL_LIFETIME`] from now, or store
/// content of no type.
pub fn check_url(name: &BlobName, access: &UrlFor, expires_at: Time, now: Time) -> Result<(), Error> {
    if expires_at <= now || expires_at > now.plus(LONGEST_URL_LIFETIME) {
        return Err(Error::BadExpiry { name: name.clone() });
    }
    match access {
        UrlFor::Put { content_type, .. } => check_content_type(name, content_type),
        UrlFor::Get => Ok(()),
    }
}
