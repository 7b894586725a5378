//! Downloads: <https://cloud.google.com/storage/docs/json_api/v1/objects/get> with `alt=media`.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};

use super::answers::{MISSING, failed, refused};
use super::bucket::Object;
use super::{Answer, Call, Cut, Fault, Server};

const PIECE: usize = 64 * 1024;

pub fn answer(server: &Server, name: &str, request: &Request<Incoming>) -> Result<Answer, Cut> {
    let fault = server.called(Call::Read);
    match fault {
        Some(Fault::Status(code)) => return Ok(failed(code)),
        Some(Fault::CutBefore | Fault::CutAfter) => return Err(Cut),
        Some(Fault::CutInside) | None => {}
    }
    if let Err(refusal) = server.bucket.allows() {
        return Ok(refused(refusal));
    }
    let query: HashMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes()).into_owned().collect();
    assert_eq!(query["alt"], "media");
    let generation: i64 = query["generation"].parse().unwrap();
    match server.bucket.find(name).filter(|object| object.generation == generation) {
        Some(object) => Ok(content_of(&object, request.headers(), fault == Some(Fault::CutInside))),
        None => Ok(refused(MISSING)),
    }
}

fn content_of(object: &Object, headers: &HeaderMap, cut: bool) -> Answer {
    let whole = object.content.len();
    let range = headers.get("range").map(|range| range.to_str().unwrap().strip_prefix("bytes=").unwrap());
    let (first, last) = match range.map(|range| range.split_once('-').unwrap()) {
        None => (0, whole),
        Some((first, "")) => (first.parse().unwrap(), whole),
        Some((first, last)) => (first.parse().unwrap(), last.parse::<usize>().unwrap() + 1),
    };
    let answer = Response::builder()
        .status(if range.is_some() { 206 } else { 200 })
        .header("content-type", &object.content_type)
        .header("content-length", last - first)
        .header("x-goog-generation", object.generation)
        .header("x-goog-metageneration", 1)
        .header("x-goog-stored-content-length", whole)
        .header("x-goog-stored-content-encoding", "identity")
        .header("x-goog-storage-class", "STANDARD")
        .header("x-goog-hash", format!("crc32c={}", object.crc32c));
    let answer = match range {
        Some(_) => answer.header("content-range", format!("bytes {first}-{}/{whole}", last - 1)),
        None => answer,
    };
    answer.body(pieces(object.content.slice(first..last), cut)).unwrap()
}

fn pieces(content: Bytes, cut: bool) -> super::Body {
    let kept = if cut { content.len() / 2 } else { content.len() };
    let pieces: Vec<Bytes> = (0..kept).step_by(PIECE).map(|at| content.slice(at..kept.min(at + PIECE))).collect();
    let end = cut.then(|| Err(io::ErrorKind::ConnectionReset.into()));
    let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece))).chain(end);
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}
