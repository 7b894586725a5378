//! Signed URLs, compared with two other implementations and used against a server that checks them.

use std::sync::Arc;
use std::time::Duration;

use blobs::{Blobs, SignedUrl, UrlFor};
use blobs_gcs::{GcsBlobs, GcsConfig};
use bytes::Bytes;
use google_cloud_auth::credentials::service_account;
use google_cloud_auth::signer::{Signer, SigningError, SigningProvider};
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use kernel::{Clock, Time};
use serde_json::Value;

use crate::common::Seeded;
use crate::{chain, name, room};

struct At(Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }
}

fn signer() -> Signer {
    let account = serde_json::from_str(include_str!("../fixtures/signing-key.json")).unwrap();
    service_account::Builder::new(account).build_signer().unwrap()
}

fn blobs_at(seconds: i64) -> GcsBlobs {
    let clock = Arc::new(At(Time::from_millis(seconds * 1000 + 999)));
    GcsBlobs::new(GcsConfig::new("consentmd-files", None), clock, Seeded::new(1)).signed_by(signer())
}

fn put(content_type: &str, most_bytes: u64) -> UrlFor {
    UrlFor::Put { content_type: content_type.to_owned(), most_bytes }
}

/// `signed-urls.json` was made by `signed-urls.py` with Google's Python library.
#[tokio::test]
async fn urls_are_those_of_googles_python_library() {
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/signed-urls.json")).unwrap();
    let now = recorded["now"].as_i64().unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let access = match case["what"].as_str().unwrap().strip_prefix("put ") {
            Some(what) => {
                let (content_type, most_bytes) = what.rsplit_once(' ').unwrap();
                put(content_type, most_bytes.parse().unwrap())
            }
            None => UrlFor::Get,
        };
        let expires_at = Time::from_millis((now + case["seconds"].as_i64().unwrap()) * 1000 + 999);
        let at = name(case["name"].as_str().unwrap());
        let signed = blobs_at(now).signed_url(&at, &access, expires_at).await.unwrap();
        assert_eq!(signed.url, case["url"].as_str().unwrap(), "{}", case["what"]);
    }
}

/// Google's Rust client takes the time from the system, so ours is then set to the time in its URL.
#[tokio::test]
async fn urls_are_those_of_googles_rust_client() {
    let bucket = "projects/_/buckets/consentmd-files";
    let week = Duration::from_secs(7 * 24 * 3600);
    let get = SignedUrlBuilder::for_object(bucket, "clinic/f_1.pdf")
        .with_expiration(week)
        .with_query_param("response-content-disposition", "attachment");
    let upload = SignedUrlBuilder::for_object(bucket, "clinic/f_1.pdf")
        .with_method(http::Method::PUT)
        .with_expiration(week)
        .with_header("content-type", "image/png")
        .with_header("x-goog-content-length-range", "0,17");
    for (theirs, access) in [(get, UrlFor::Get), (upload, put("image/png", 17))] {
        let theirs = theirs.sign_with(&signer()).await.unwrap();
        let date = theirs.split_once("X-Goog-Date=").unwrap().1.split_once('&').unwrap().0;
        let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
        let now = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
        let expires_at = Time::from_millis(now * 1000).plus(week);
        let ours = blobs_at(now).signed_url(&name("clinic/f_1.pdf"), &access, expires_at).await.unwrap();
        assert_eq!(ours.url, theirs);
    }
}

#[expect(clippy::disallowed_methods, reason = "a client without our rules, as a browser is")]
async fn send(method: &str, url: &str, headers: &[(&str, String)], body: &str) -> (u16, String, Option<String>) {
    let client = reqwest::Client::new();
    let request = client.request(method.parse().unwrap(), url).body(body.to_owned());
    let request = headers.iter().fold(request, |request, (key, value)| request.header(*key, value));
    let answer = request.send().await.unwrap();
    let disposition = answer.headers().get("content-disposition").map(|how| how.to_str().unwrap().to_owned());
    (answer.status().as_u16(), answer.text().await.unwrap(), disposition)
}

async fn send_signed(signed: &SignedUrl, body: &str) -> u16 {
    send(signed.method, &signed.url, &signed.headers, body).await.0
}

#[tokio::test]
async fn a_url_does_what_it_was_made_for() {
    let room = room().await;
    let config = GcsConfig::new("files", Some(room.server.address.to_string()));
    let blobs = GcsBlobs::new(config, room.clock.clone(), Seeded::new(1)).signed_by(signer());
    let (at, expires_at) = (name("clinic/files/f1"), room.clock.now().plus(Duration::from_secs(60)));
    let upload = blobs.signed_url(&at, &put("text/html", 5), expires_at).await.unwrap();
    let length = ("x-goog-content-length-range", "0,5".to_owned());
    assert_eq!(upload.headers, [("content-type", "text/html".to_owned()), length.clone()]);

    assert_eq!(send_signed(&upload, "longer").await, 400);
    let with = |headers: Vec<(&'static str, String)>| SignedUrl { headers, ..upload.clone() };
    let kind = |kind: &str| ("content-type", kind.to_owned());
    assert_eq!(send_signed(&with(vec![kind("image/png"), length.clone()]), "hello").await, 403);
    assert_eq!(send_signed(&with(vec![kind("text/html")]), "hello").await, 403);
    let longer = ("x-goog-content-length-range", "0,6".to_owned());
    assert_eq!(send_signed(&with(vec![kind("text/html"), longer]), "longer").await, 403);
    let unsigned = ("x-goog-meta-sha256", "00".to_owned());
    assert_eq!(send_signed(&with(vec![kind("text/html"), length.clone(), unsigned]), "hello").await, 403);
    assert!(room.server.bucket.names().is_empty());
    assert_eq!(send_signed(&upload, "hello").await, 200);
    let info = blobs.head(&at).await.unwrap().unwrap();
    assert_eq!((info.content_type.as_str(), info.bytes, info.sha256), ("text/html", 5, None));

    let get = blobs.signed_url(&at, &UrlFor::Get, expires_at).await.unwrap();
    let saved = (200, "hello".to_owned(), Some("attachment".to_owned()));
    assert_eq!(send("GET", &get.url, &[], "").await, saved);
    assert_eq!(send("PUT", &get.url, &[kind("text/html"), length], "other").await.0, 403);
    assert_eq!(send("GET", &upload.url, &[], "").await.0, 403);
    for (from, to) in [("f1", "f2"), ("Expires=60", "Expires=61"), ("attachment", "inline")] {
        assert_eq!(send("GET", &get.url.replacen(from, to, 1), &[], "").await.0, 403, "{from}");
    }
    room.clock.advance_secs(60);
    assert_eq!(send("GET", &get.url, &[], "").await.0, 403, "its time is over");
}

#[tokio::test]
async fn an_emulator_needs_no_credentials() {
    let room = room().await;
    let expires_at = room.clock.now().plus(Duration::from_millis(1));
    let get = room.blobs.signed_url(&name("a"), &UrlFor::Get, expires_at).await.unwrap();
    assert!(get.url.starts_with(&format!("http://{}/files/a?X-Goog-Algorithm=", room.server.address)));
    assert!(get.url.contains("&X-Goog-Expires=1&"), "nothing shorter than a second");
    assert_eq!(send("GET", &get.url, &[], "").await.0, 403, "its signature is none");
}

#[derive(Debug)]
struct Failing(u16);

impl SigningProvider for Failing {
    async fn client_email(&self) -> Result<String, SigningError> {
        Ok("run@p.iam.gserviceaccount.com".to_owned())
    }

    async fn sign(&self, _: &[u8]) -> Result<Bytes, SigningError> {
        let words = Bytes::from_static(b"no answer from https://iamcredentials.googleapis.com");
        Err(SigningError::from_msg(google_cloud_gax::error::Error::http(self.0, http::HeaderMap::new(), words)))
    }
}

#[tokio::test]
async fn a_missing_signature_is_told() {
    for (code, retryable, expected) in [
        (
            403,
            false,
            "the blob store refuses to sign a URL for a: the service account may not do this in bucket files; it needs \
             iam.serviceAccounts.signBlob on itself",
        ),
        (503, true, "the blob store cannot sign a URL for a: Cloud Storage failed with 503"),
    ] {
        let clock = Arc::new(At(Time::from_millis(0)));
        let blobs = GcsBlobs::new(GcsConfig::new("files", None), clock, Seeded::new(1)).signed_by(Failing(code).into());
        let error = blobs.signed_url(&name("a"), &UrlFor::Get, Time::from_millis(1000)).await.unwrap_err();
        assert_eq!(chain(&error), expected);
        assert_eq!(error.is_retryable(), retryable, "{error}");
    }
}
