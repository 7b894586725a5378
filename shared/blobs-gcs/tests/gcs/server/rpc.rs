//! `google.storage.v2.Storage`, as far as it is used: the messages have the field numbers of
//! `google/storage/v2/storage.proto`.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use prost::Message;

use super::answers::{MISSING, Refusal};
use super::{Answer, Call, Cut, Fault, Server, bucket};

/// So that listing has to turn pages.
const LONGEST_PAGE: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Object {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    bucket: String,
    #[prost(int64, tag = "3")]
    generation: i64,
    #[prost(int64, tag = "4")]
    metageneration: i64,
    #[prost(int64, tag = "6")]
    size: i64,
    #[prost(string, tag = "13")]
    content_type: String,
    #[prost(message, optional, tag = "14")]
    create_time: Option<Timestamp>,
    #[prost(map = "string, string", tag = "22")]
    metadata: HashMap<String, String>,
}

/// `GetObjectRequest` and `DeleteObjectRequest`, whose fields that matter here are the same.
#[derive(Clone, PartialEq, Message)]
struct OneObject {
    #[prost(string, tag = "1")]
    bucket: String,
    #[prost(string, tag = "2")]
    object: String,
}

#[derive(Clone, PartialEq, Message)]
struct ListObjectsRequest {
    #[prost(string, tag = "1")]
    parent: String,
    #[prost(int32, tag = "2")]
    page_size: i32,
    #[prost(string, tag = "3")]
    page_token: String,
    #[prost(string, tag = "6")]
    prefix: String,
    #[prost(string, tag = "10")]
    lexicographic_start: String,
}

#[derive(Clone, PartialEq, Message)]
struct ListObjectsResponse {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<Object>,
    #[prost(string, tag = "3")]
    next_page_token: String,
}

pub async fn answer(server: &Server, method: &str, request: Request<Incoming>) -> Result<Answer, Cut> {
    let call = match method {
        "GetObject" => Call::Get,
        "DeleteObject" => Call::Delete,
        "ListObjects" => Call::List,
        other => panic!("{other} is not served"),
    };
    let fault = server.called(call);
    let mut message = request.into_body().collect().await.map_err(|_| Cut)?.to_bytes();
    assert_eq!(message.get_u8(), 0, "not compressed");
    assert_eq!(message.get_u32() as usize, message.len());
    match fault {
        Some(Fault::Status(503)) => return Ok(ended(14, "try again")),
        Some(other) => panic!("{other:?} is not for gRPC"),
        None => {}
    }
    let done = match call {
        Call::Get => get(server, message),
        Call::Delete => delete(server, message),
        _ => list(server, message),
    };
    Ok(done.map_or_else(refused, unary))
}

fn asked(server: &Server, message: Bytes) -> Result<String, Refusal> {
    server.bucket.allows()?;
    let request = OneObject::decode(message).unwrap();
    assert_eq!(request.bucket, "projects/_/buckets/files");
    Ok(request.object)
}

fn get(server: &Server, message: Bytes) -> Result<Vec<u8>, Refusal> {
    let name = asked(server, message)?;
    let object = server.bucket.find(&name).ok_or(MISSING)?;
    Ok(described(&name, &object).encode_to_vec())
}

fn delete(server: &Server, message: Bytes) -> Result<Vec<u8>, Refusal> {
    let name = asked(server, message)?;
    server.bucket.remove(&name).map(|()| Vec::new())
}

fn list(server: &Server, message: Bytes) -> Result<Vec<u8>, Refusal> {
    server.bucket.allows()?;
    let request = ListObjectsRequest::decode(message).unwrap();
    assert_eq!(request.parent, "projects/_/buckets/files");
    let wanted = |name: &String| {
        name.starts_with(&request.prefix)
            && *name >= request.lexicographic_start
            && (request.page_token.is_empty() || *name > request.page_token)
    };
    let mut names: Vec<String> = server.bucket.names().into_iter().filter(wanted).collect();
    let size = usize::try_from(request.page_size.clamp(1, LONGEST_PAGE)).unwrap();
    let is_last = names.len() <= size;
    names.truncate(size);
    let next_page_token = if is_last { String::new() } else { names.last().cloned().unwrap_or_default() };
    let found = |name: &String| server.bucket.find(name).map(|object| described(name, &object));
    let objects = names.iter().filter_map(found).collect();
    Ok(ListObjectsResponse { objects, next_page_token }.encode_to_vec())
}

fn described(name: &str, object: &bucket::Object) -> Object {
    let millis = object.created.as_millis();
    let nanos = i32::try_from(millis.rem_euclid(1000)).unwrap() * 1_000_000;
    Object {
        name: name.to_owned(),
        bucket: "projects/_/buckets/files".to_owned(),
        generation: object.generation,
        metageneration: 1,
        size: i64::try_from(object.content.len()).unwrap(),
        content_type: object.content_type.clone(),
        create_time: Some(Timestamp { seconds: millis.div_euclid(1000), nanos }),
        metadata: object.metadata.clone().into_iter().collect(),
    }
}

fn unary(message: Vec<u8>) -> Answer {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.extend_from_slice(&message);
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let frames = [Ok(Frame::data(framed.freeze())), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn refused(refusal: Refusal) -> Answer {
    let Refusal(status, _, message) = refusal;
    let code = match status {
        404 => 5,
        403 => 7,
        412 => 9,
        other => panic!("{other} has no code here"),
    };
    ended(code, message)
}

fn ended(code: u16, message: &str) -> Answer {
    let body = StreamBody::new(stream::iter([])).boxed_unsync();
    let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", code);
    answer.header("grpc-message", message).body(body).unwrap()
}
