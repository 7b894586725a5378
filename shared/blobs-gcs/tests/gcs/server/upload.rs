//! Uploads: <https://cloud.google.com/storage/docs/json_api/v1/objects/insert>, in one request (`multipart`) and in
//! pieces (`resumable`).

use std::collections::HashMap;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::answers::{BAD_CHECKSUM, MISSING, Refusal, failed, json, plain, refused};
use super::bucket::{Session, hash};
use super::{Answer, Call, Cut, Fault, Server};

pub async fn answer(server: &Server, request: Request<Incoming>) -> Result<Answer, Cut> {
    let query: HashMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes()).into_owned().collect();
    let call = match (request.method(), query["uploadType"].as_str()) {
        (&Method::POST, "multipart") => Call::Insert,
        (&Method::POST, "resumable") => Call::Begin,
        (&Method::PUT, "resumable") => Call::Piece,
        other => panic!("no upload is like {other:?}"),
    };
    let fault = server.called(call);
    if fault == Some(Fault::CutBefore) {
        return Err(Cut);
    }
    let (parts, mut body) = request.into_parts();
    if fault == Some(Fault::CutInside) {
        let _ = body.frame().await;
        return Err(Cut);
    }
    // Of what breaks off nothing is kept.
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    if let Some(Fault::Status(code)) = fault {
        return Ok(failed(code));
    }
    let answer = match call {
        Call::Insert => insert(server, &query, &parts.headers, &body),
        Call::Begin => begin(server, &query, &body),
        _ => piece(server, &query, &parts.headers, &body),
    };
    if fault == Some(Fault::CutAfter) { Err(Cut) } else { Ok(answer.unwrap_or_else(refused)) }
}

fn if_generation(query: &HashMap<String, String>) -> Option<i64> {
    query.get("ifGenerationMatch").map(|generation| generation.parse().unwrap())
}

fn insert(
    server: &Server,
    query: &HashMap<String, String>,
    headers: &http::HeaderMap,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let kind = headers["content-type"].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/related; boundary=").unwrap();
    let (about, content) = two_parts(body, boundary);
    let about: Value = serde_json::from_slice(&about).unwrap();
    if about["crc32c"].as_str().is_some_and(|given| given != hash(&content)) {
        return Err(BAD_CHECKSUM);
    }
    let name = &query["name"];
    let object = server.bucket.store(name, if_generation(query), &about, content)?;
    Ok(json(&server.bucket.described(name, &object)))
}

/// The parts without their headers.
fn two_parts(body: &Bytes, boundary: &str) -> (Bytes, Bytes) {
    let find = |wanted: &[u8], from: usize| {
        from + body[from..].windows(wanted.len()).position(|bytes| bytes == wanted).unwrap()
    };
    let start = find(b"\r\n\r\n", 0) + 4;
    let end = find(format!("\r\n--{boundary}\r\n").as_bytes(), start);
    let about = body.slice(start..end);
    let last = format!("\r\n--{boundary}--\r\n");
    assert!(body.ends_with(last.as_bytes()), "the upload is whole");
    let content = body.slice(find(b"\r\n\r\n", end) + 4..body.len() - last.len());
    (about, content)
}

fn begin(server: &Server, query: &HashMap<String, String>, body: &Bytes) -> Result<Answer, Refusal> {
    let name = query["name"].clone();
    server.bucket.admits(&name, if_generation(query))?;
    let about = serde_json::from_slice(body).unwrap();
    let session = Session { name, if_generation: if_generation(query), about, ..Session::default() };
    let mut sessions = server.bucket.sessions.lock().unwrap();
    let id = format!("upload-{}", sessions.len());
    sessions.insert(id.clone(), session);
    let at = format!("http://{}/upload/storage/v1/b/files/o?uploadType=resumable&upload_id={id}", server.address);
    let mut answer = plain(200, "");
    answer.headers_mut().insert("location", at.parse().unwrap());
    Ok(answer)
}

fn piece(
    server: &Server,
    query: &HashMap<String, String>,
    headers: &http::HeaderMap,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let mut sessions = server.bucket.sessions.lock().unwrap();
    let session = sessions.get_mut(&query["upload_id"]).ok_or(MISSING)?;
    let range = headers["content-range"].to_str().unwrap().strip_prefix("bytes ").unwrap();
    let (range, total) = range.split_once('/').unwrap();
    if let Some((first, last)) = range.split_once('-') {
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        assert_eq!((first, last + 1 - first), (session.content.len(), body.len()), "pieces come one after the other");
        session.content.extend_from_slice(body);
    }
    let is_whole = total.parse() == Ok(session.content.len());
    if is_whole && session.done.is_none() {
        let given = headers.get("x-goog-hash").map(|given| given.to_str().unwrap().to_owned());
        if given.is_some_and(|given| given != format!("crc32c={}", hash(&session.content))) {
            return Err(BAD_CHECKSUM);
        }
        let content = Bytes::from(session.content.clone());
        let object = server.bucket.store(&session.name, session.if_generation, &session.about, content)?;
        session.done = Some(object);
    }
    if let Some(object) = &session.done {
        return Ok(json(&server.bucket.described(&session.name, object)));
    }
    assert_eq!(session.content.len() % (256 * 1024), 0, "only the last piece has another size");
    let mut answer = plain(308, "");
    if let Some(last) = session.content.len().checked_sub(1) {
        answer.headers_mut().insert("range", format!("bytes=0-{last}").parse().unwrap());
    }
    Ok(answer)
}
