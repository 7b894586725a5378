use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use model::event::Envelope;
use serde::Deserialize;
use serde_json::Value;

/// Why a call's body is no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or not of the form that its headers say.
    #[error("not JSON of the expected form: {0}")]
    Form(#[from] serde_json::Error),
    /// Data that should be base64 is not.
    #[error("the message's data is not base64")]
    Base64,
    /// A message without data.
    #[error("the message has no data")]
    Empty,
}

/// The event in a call, whichever of these forms it has:
///
/// - Pub/Sub push, wrapped: `{"message":{"data":"<base64>",..},"subscription":..}`
///   (<https://cloud.google.com/pubsub/docs/push>);
/// - Pub/Sub push with payload unwrapping: the data itself;
/// - a CloudEvent in binary mode (`ce-*` headers), whose body is the data or, from Eventarc's Pub/Sub trigger, a
///   wrapped message;
/// - a CloudEvent in structured mode (`application/cloudevents+json`) with `data` or `data_base64`
///   (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>).
pub fn decode_envelope(headers: &HeaderMap, body: &[u8]) -> Result<Envelope, DecodeError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let body: Value = serde_json::from_slice(body)?;
    if content_type.starts_with("application/cloudevents+json") {
        let event: Structured = serde_json::from_value(body)?;
        return match (event.data, event.data_base64) {
            (Some(data), _) => of_data(data),
            (None, Some(encoded)) => of_data(serde_json::from_slice(&decode(&encoded)?)?),
            (None, None) => Err(DecodeError::Empty),
        };
    }
    of_data(body)
}

#[derive(Deserialize)]
struct Structured {
    data: Option<Value>,
    data_base64: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped {
    message: PubsubMessage,
}

#[derive(Deserialize)]
struct PubsubMessage {
    data: Option<String>,
}

/// The data of a call: a wrapped Pub/Sub message, or the envelope itself.
fn of_data(data: Value) -> Result<Envelope, DecodeError> {
    if data.get("message").is_some_and(Value::is_object) {
        let wrapped: Wrapped = serde_json::from_value(data)?;
        let encoded = wrapped.message.data.ok_or(DecodeError::Empty)?;
        return Ok(serde_json::from_slice(&decode(&encoded)?)?);
    }
    Ok(serde_json::from_value(data)?)
}

fn decode(encoded: &str) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(encoded).map_err(|_| DecodeError::Base64)
}
