//! Requests with signed URLs, checked as Cloud Storage does: what was signed is put together from the request that came.

use std::collections::HashMap;

use aws_lc_rs::digest;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::civil::DateTime;
use serde_json::json;

use super::answers::plain;
use super::{Answer, Server};

pub async fn answer(server: &Server, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let query: HashMap<String, String> =
        form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    if let Err(code) = check(server, &parts, &query) {
        return plain(403, format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"));
    }
    let name = parts.uri.path().strip_prefix("/files/").unwrap();
    if parts.method == Method::GET {
        let Some(object) = server.bucket.find(name) else { return plain(404, "<Error><Code>NoSuchKey</Code></Error>") };
        let mut answer = plain(200, object.content);
        if let Some(how) = query.get("response-content-disposition") {
            answer.headers_mut().insert("content-disposition", how.parse().unwrap());
        }
        return answer;
    }
    let content = body.collect().await.unwrap().to_bytes();
    let range = parts.headers["x-goog-content-length-range"].to_str().unwrap().split_once(',').unwrap();
    let most: usize = range.1.parse().unwrap();
    if content.len() > most {
        return plain(400, "<Error><Code>EntityTooLarge</Code></Error>");
    }
    let about = json!({"contentType": parts.headers["content-type"].to_str().unwrap()});
    server.bucket.store(name, None, &about, content).unwrap();
    plain(200, "")
}

fn check(server: &Server, parts: &Parts, query: &HashMap<String, String>) -> Result<(), &'static str> {
    let part = |key: &str| query.get(key).ok_or("AccessDenied");
    let signed: Vec<&str> = part("X-Goog-SignedHeaders")?.split(';').collect();
    let is_unsigned =
        |name: &http::HeaderName| name.as_str().starts_with("x-goog-") && !signed.contains(&name.as_str());
    if parts.headers.keys().any(is_unsigned) {
        return Err("AccessDenied");
    }
    let mut headers = String::new();
    for name in &signed {
        let value = parts.headers.get(*name).ok_or("MalformedSecurityHeader")?.to_str().unwrap();
        headers.push_str(&format!("{name}:{value}\n"));
    }
    let (query_text, signature) = parts.uri.query().unwrap().split_once("&X-Goog-Signature=").ok_or("AccessDenied")?;
    let (method, path) = (&parts.method, parts.uri.path());
    let names = part("X-Goog-SignedHeaders")?;
    let request = format!("{method}\n{path}\n{query_text}\n{headers}\n{names}\nUNSIGNED-PAYLOAD");
    let hash = hex::encode(digest::digest(&digest::SHA256, request.as_bytes()));
    let (date, scope) = (part("X-Goog-Date")?, part("X-Goog-Credential")?.split_once('/').ok_or("AccessDenied")?.1);
    let text = format!("{}\n{date}\n{scope}\n{hash}", part("X-Goog-Algorithm")?);
    let signature = hex::decode(signature).map_err(|_| "SignatureDoesNotMatch")?;
    public_key().verify(text.as_bytes(), &signature).map_err(|_| "SignatureDoesNotMatch")?;
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    let ends = date.timestamp().as_second() + part("X-Goog-Expires")?.parse::<i64>().unwrap();
    if server.clock.now().as_secs() < ends { Ok(()) } else { Err("ExpiredToken") }
}

/// The half of the fixture's key that Cloud Storage has.
fn public_key() -> UnparsedPublicKey<Vec<u8>> {
    let account: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/signing-key.json")).unwrap();
    let pem = account["private_key"].as_str().unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    let pair = KeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec())
}
