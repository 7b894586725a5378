use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Time;
use serde::{Deserialize, Serialize};

use crate::BlobName;

/// The longest time for which a signed URL holds. Cloud Storage has the same.
pub const LONGEST_URL_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a signed URL is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlFor {
    /// Reading the blob, by GET or HEAD.
    Get,
    /// Storing the blob, by PUT.
    Put {
        /// The content type that has to be sent.
        content_type: String,
        /// How long the content may be.
        most_bytes: u64,
    },
}

/// A URL by which anyone may do one thing with one blob for a while. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL.
    pub url: String,
    /// The method to use it with.
    pub method: &'static str,
    /// The headers to send with it, all of them and as they are: a signature may cover them.
    pub headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedUrl({} ..)", self.method)
    }
}

/// What a request with a signed URL may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// With which blob.
    pub name: BlobName,
    /// What. For [`UrlFor::Put`], its content type and length are for whoever serves the request to hold.
    pub access: UrlFor,
}

/// Why a request with a signed URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It has not the form of a signed URL.
    #[error("this is no signed URL")]
    Malformed,
    /// It was altered, is for another method, or signed by another key.
    #[error("the URL's signature is wrong")]
    BadSignature,
    /// Its time is over.
    #[error("the URL has expired")]
    Expired,
}

/// Signs and checks the URLs of blobs that this process serves itself:
/// `<base>/blobs/<name>?expires=<seconds>&signature=<base64url>`, and for PUT `type` and `max` beside.
#[derive(Clone)]
pub struct UrlSigner {
    base: String,
    key: hmac::Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlQuery {
    expires: i64,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    signature: String,
}

impl UrlSigner {
    /// URLs below `base` (`https://host`; empty for URLs that are paths), signed under a key of 32 random bytes that stays the same over restarts.
    pub fn new(base: &str, key: &[u8; 32]) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The same, under a key that is derived from a secret of any length, which stays usable for other things.
    pub fn derived(base: &str, secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"consentmd blob url key v1");
        let mut key = [0; 32];
        key.copy_from_slice(derived.as_ref());
        Self::new(base, &key)
    }

    /// A URL that holds until `expires_at`, to the second.
    pub fn sign(&self, name: &BlobName, access: &UrlFor, expires_at: Time) -> SignedUrl {
        let expires = expires_at.as_secs();
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &message(name, access, expires)));
        let (method, content_type, max) = match access {
            UrlFor::Get => ("GET", None, None),
            UrlFor::Put { content_type, most_bytes } => ("PUT", Some(content_type.clone()), Some(*most_bytes)),
        };
        let headers = content_type.iter().map(|kind| ("content-type", kind.clone())).collect();
        let query = UrlQuery { expires, content_type, max, signature };
        // Unwrap safety: a struct of numbers and text always has a query string.
        #[expect(clippy::unwrap_used, reason = "numbers and text always encode")]
        let query = serde_urlencoded::to_string(query).unwrap();
        SignedUrl { url: format!("{}/blobs/{name}?{query}", self.base), method, headers }
    }

    /// What a request may do: its method, what stands after `/blobs/` in its path, and its query string.
    pub fn verify(&self, method: &str, name: &str, query: &str, now: Time) -> Result<Grant, UrlError> {
        let name: BlobName = name.parse().map_err(|_| UrlError::Malformed)?;
        let query: UrlQuery = serde_urlencoded::from_str(query).map_err(|_| UrlError::Malformed)?;
        let access = match (method, query.content_type, query.max) {
            ("GET" | "HEAD", None, None) => UrlFor::Get,
            ("PUT", Some(content_type), Some(most_bytes)) => UrlFor::Put { content_type, most_bytes },
            ("GET" | "HEAD" | "PUT", ..) => return Err(UrlError::BadSignature),
            _ => return Err(UrlError::Malformed),
        };
        let signature = URL_SAFE_NO_PAD.decode(query.signature).map_err(|_| UrlError::Malformed)?;
        hmac::verify(&self.key, &message(&name, &access, query.expires), &signature)
            .map_err(|_| UrlError::BadSignature)?;
        if now.as_secs() >= query.expires {
            return Err(UrlError::Expired);
        }
        Ok(Grant { name, access })
    }
}

impl fmt::Debug for UrlSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlSigner({})", self.base)
    }
}

/// What is signed. Only the content type can hold any character, so it stands last.
fn message(name: &BlobName, access: &UrlFor, expires: i64) -> Vec<u8> {
    let (method, most_bytes, content_type) = match access {
        UrlFor::Get => ("GET", 0, ""),
        UrlFor::Put { content_type, most_bytes } => ("PUT", *most_bytes, content_type.as_str()),
    };
    format!("consentmd blob url v1\n{method}\n{name}\n{expires}\n{most_bytes}\n{content_type}").into_bytes()
}
