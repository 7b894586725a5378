//! Answers in the forms that Cloud Storage gives them.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::{Answer, never};

/// Why something is refused: the status, the reason that JSON errors have, and the words.
#[derive(Debug, Clone, Copy)]
pub struct Refusal(pub u16, pub &'static str, pub &'static str);

pub const MISSING: Refusal = Refusal(404, "notFound", "No such object: files/x");
pub const NO_BUCKET: Refusal = Refusal(404, "notFound", "The specified bucket does not exist.");
pub const PRECONDITION: Refusal =
    Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
pub const DENIED: Refusal = Refusal(
    403,
    "forbidden",
    "run@p.iam.gserviceaccount.com does not have storage.objects access to the Google Cloud Storage object. Permission \
     denied on resource (or it may not exist).",
);
pub const RETAINED: Refusal = Refusal(
    403,
    "retentionPolicyNotMet",
    "Object 'files/x' is subject to bucket's retention policy and cannot be deleted, overwritten or archived until \
     2033-11-14T22:13:20-08:00",
);
pub const BAD_CHECKSUM: Refusal = Refusal(400, "invalid", "Provided CRC32C does not match the calculated one.");

pub fn plain(status: u16, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(never).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

pub fn json(body: &Value) -> Answer {
    let mut answer = plain(200, body.to_string());
    answer.headers_mut().insert("content-type", "application/json; charset=UTF-8".parse().unwrap());
    answer
}

pub fn refused(refusal: Refusal) -> Answer {
    let Refusal(code, reason, message) = refusal;
    let errors = json!([{"message": message, "domain": "global", "reason": reason}]);
    let body = json!({"error": {"code": code, "message": message, "errors": errors}});
    let mut answer = plain(code, body.to_string());
    answer.headers_mut().insert("content-type", "application/json; charset=UTF-8".parse().unwrap());
    answer
}

/// What a front end answers that does not reach the service.
pub fn failed(code: u16) -> Answer {
    plain(code, "Service Unavailable")
}
