//! Signed URLs, version 4: <https://cloud.google.com/storage/docs/authentication/canonical-requests>.
//!
//! Google's client can make them too, but takes the time from the system; here it is a parameter. A test compares both,
//! and both with what Google's Python library makes.

use std::fmt::Write;

use aws_lc_rs::digest;
use blobs::{BlobName, SignedUrl, UrlFor};
use bytes::Bytes;
use google_cloud_auth::signer::{Signer, SigningError, SigningProvider};
use jiff::Timestamp;
use kernel::Time;

use crate::GcsConfig;
use crate::failure::GcsError;

const ALGORITHM: &str = "GOOG4-RSA-SHA256";

/// The URL for one request, from `now` until `expires_at`, to the second.
pub(crate) async fn signed_url(
    config: &GcsConfig,
    signer: &Signer,
    name: &BlobName,
    access: &UrlFor,
    now: Time,
    expires_at: Time,
) -> Result<SignedUrl, GcsError> {
    let failed = |error: SigningError| GcsError::of_signing(&config.bucket, &error);
    let email = signer.client_email().await.map_err(failed)?;
    let (method, headers) = method_and_headers(access);
    let base = config.public_url();
    let (date, day) = stamps(now)?;
    let scope = format!("{day}/auto/storage/goog4_request");
    // Cloud Storage takes nothing shorter than a second.
    let seconds = expires_at.as_secs().saturating_sub(now.as_secs()).max(1);

    let host = base.split_once("://").map_or(base.as_str(), |(_, host)| host).to_owned();
    let mut signed: Vec<(&str, String)> = headers.iter().map(|(key, value)| (*key, one_spaced(value))).collect();
    signed.push(("host", host));
    signed.sort_unstable();
    let signed_names = signed.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(";");
    let signed_headers = signed.iter().fold(String::new(), |all, (key, value)| format!("{all}{key}:{value}\n"));

    let mut query = vec![
        ("X-Goog-Algorithm", ALGORITHM.to_owned()),
        ("X-Goog-Credential", format!("{email}/{scope}")),
        ("X-Goog-Date", date.clone()),
        ("X-Goog-Expires", seconds.to_string()),
        ("X-Goog-SignedHeaders", signed_names.clone()),
    ];
    if *access == UrlFor::Get {
        // What people have uploaded is saved, and never shown as a page.
        query.push(("response-content-disposition", "attachment".to_owned()));
    }
    let query = query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect::<Vec<_>>().join("&");

    // Buckets' and blobs' names hold nothing that a path has to encode.
    let path = format!("/{}/{name}", config.bucket);
    let request = format!("{method}\n{path}\n{query}\n{signed_headers}\n{signed_names}\nUNSIGNED-PAYLOAD");
    let hash = hex::encode(digest::digest(&digest::SHA256, request.as_bytes()));
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
    let signature = signer.sign(text).await.map_err(failed)?;
    let url = format!("{base}{path}?{query}&X-Goog-Signature={}", hex::encode(signature));
    Ok(SignedUrl { url, method, headers })
}

/// How the URL is to be used. Cloud Storage itself holds an upload to its type and length, as both are signed.
fn method_and_headers(access: &UrlFor) -> (&'static str, Vec<(&'static str, String)>) {
    match access {
        UrlFor::Get => ("GET", Vec::new()),
        UrlFor::Put { content_type, most_bytes } => {
            let length = ("x-goog-content-length-range", format!("0,{most_bytes}"));
            ("PUT", vec![("content-type", content_type.clone()), length])
        }
    }
}

/// `20260131T235958Z` and `20260131`.
fn stamps(now: Time) -> Result<(String, String), GcsError> {
    let now = Timestamp::from_second(now.as_secs()).map_err(|_| GcsError::NoSignature)?;
    Ok((now.strftime("%Y%m%dT%H%M%SZ").to_string(), now.strftime("%Y%m%d").to_string()))
}

/// A header's value as it is signed: several spaces are one.
fn one_spaced(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            all.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// Signs for emulators, which do not check: there is no key, and Cloud Storage would refuse what it makes.
#[derive(Debug)]
struct Unchecked;

impl SigningProvider for Unchecked {
    async fn client_email(&self) -> Result<String, SigningError> {
        Ok("emulator@localhost".to_owned())
    }

    async fn sign(&self, content: &[u8]) -> Result<Bytes, SigningError> {
        Ok(Bytes::copy_from_slice(digest::digest(&digest::SHA256, content).as_ref()))
    }
}

pub(crate) fn unchecked_signer() -> Signer {
    Signer::from(Unchecked)
}
