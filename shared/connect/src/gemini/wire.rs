//! Google's JSON. Unknown fields are ignored on purpose: Google adds new ones without a new version.

use std::time::Duration;

use kernel::Phi;
use serde::Deserialize;
use serde_json::{Value, json};

use super::retry::proto_duration;
use super::{GeminiError, GenerateJson};

/// The request's body. Personal data leaves for Google here and nowhere else.
pub(super) fn request(ask: &GenerateJson) -> Value {
    json!({
        "systemInstruction": { "parts": [{ "text": ask.instruction }] },
        "contents": [{ "role": "user", "parts": [{ "text": ask.prompt.disclose() }] }],
        "generationConfig": {
            "temperature": 0,
            "candidateCount": 1,
            "maxOutputTokens": ask.max_output_tokens,
            "responseMimeType": "application/json",
            "responseSchema": ask.schema,
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    /// The model's thinking, which is no part of its answer.
    #[serde(default)]
    thought: bool,
}

/// The JSON in a successful answer.
pub(super) fn answer(body: &[u8]) -> Result<Phi<Value>, GeminiError> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| GeminiError::NotUnderstood("it is no generateContent response"))?;
    if let Some(reason) = answer.prompt_feedback.and_then(|feedback| feedback.block_reason) {
        return Err(GeminiError::Blocked { what: "prompt", reason: word(&reason) });
    }
    let Some(candidate) = answer.candidates.into_iter().next() else {
        return Err(GeminiError::NotUnderstood("it has no candidate"));
    };
    match candidate.finish_reason.as_deref() {
        Some("STOP") => {}
        Some("MAX_TOKENS") => return Err(GeminiError::Truncated),
        Some(
            reason @ ("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
            | "IMAGE_SAFETY"),
        ) => return Err(GeminiError::Blocked { what: "answer", reason: reason.to_owned() }),
        _ => return Err(GeminiError::NotUnderstood("the model did not finish it")),
    }
    let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
    let text: String = parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text).collect();
    let json = serde_json::from_str(&text).map_err(|_| GeminiError::NotUnderstood("its text is not JSON"))?;
    Ok(Phi::new(json))
}

#[derive(Deserialize, Default)]
struct Failure {
    #[serde(default)]
    error: Status,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Value>,
}

/// The error in an unsuccessful answer. Its `message` is left where it is: it may repeat what was sent.
pub(super) fn refusal(status: u16, body: &[u8], retry_after_header: Option<Duration>) -> GeminiError {
    let error = serde_json::from_slice::<Failure>(body).unwrap_or_default().error;
    let retry_after = error.details.iter().find_map(retry_delay).or(retry_after_header);
    match status {
        429 => GeminiError::RateLimited { retry_after },
        408 | 500..=599 => GeminiError::Unavailable { status, retry_after },
        _ => GeminiError::Refused { status, reason: word(&error.status) },
    }
}

fn retry_delay(detail: &Value) -> Option<Duration> {
    let kind = detail.get("@type")?.as_str()?;
    if kind != "type.googleapis.com/google.rpc.RetryInfo" {
        return None;
    }
    proto_duration(detail.get("retryDelay")?.as_str()?)
}

/// An enum's name of Google's, and nothing that could be anything else.
fn word(text: &str) -> String {
    let is_name = !text.is_empty() && text.len() <= 40 && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
    if is_name { text.to_owned() } else { "UNKNOWN".to_owned() }
}
