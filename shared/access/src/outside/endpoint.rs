use std::num::NonZeroUsize;
use std::sync::Arc;

use kernel::{Clock, Time};
use lru::LruCache;
use parking_lot::Mutex;
use reqwest::StatusCode;
use serde_json::Value;

use super::{OutsideError, UserEndpoint};

/// How many people's answers are kept.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(5000).unwrap();
/// A larger answer is none about one person.
const MOST_BYTES: usize = 64 * 1024;
/// Stands for the subject in the configured URL.
const SUBJECT: &str = "{sub}";

/// Where an issuer tells about a person what its tokens lack. Asked with the person's own token.
pub(crate) struct Endpoint {
    at: UserEndpoint,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    known: Mutex<LruCache<String, (Arc<Value>, Time)>>,
}

impl Endpoint {
    pub(crate) fn new(at: UserEndpoint, client: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self { at, client, clock, known: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// What it says of a person; `None` while it does not answer, so that people who are known here can go on.
    /// [`OutsideError::Withdrawn`] where it does not take the token.
    pub(crate) async fn about(&self, subject: &str, token: &str) -> Result<Option<Arc<Value>>, OutsideError> {
        let now = self.clock.now();
        if let Some((known, until)) = self.known.lock().get(subject)
            && now < *until
        {
            return Ok(Some(known.clone()));
        }
        match self.ask(subject, token).await {
            Ok(told) => {
                let told = Arc::new(told);
                self.known.lock().put(subject.to_owned(), (told.clone(), now.plus(self.at.kept)));
                Ok(Some(told))
            }
            Err(Failed::Refused) => {
                self.known.lock().pop(subject);
                Err(OutsideError::Withdrawn)
            }
            Err(Failed::NoAnswer(reason)) => {
                tracing::warn!(reason, "an outside issuer's user endpoint does not answer");
                Ok(None)
            }
        }
    }

    async fn ask(&self, subject: &str, token: &str) -> Result<Value, Failed> {
        // "." and ".." lead elsewhere in any spelling.
        if subject.bytes().all(|byte| byte == b'.') {
            return Err(Failed::Refused);
        }
        let url = self.at.url.replace(SUBJECT, &in_path(subject));
        let asked = self.client.get(url).bearer_auth(token).header("accept", "application/json").send().await;
        let mut response = asked.map_err(|_| Failed::NoAnswer("no connection"))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(Failed::Refused);
            }
            _ => return Err(Failed::NoAnswer("status")),
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| Failed::NoAnswer("broke off"))? {
            if body.len() + piece.len() > MOST_BYTES {
                return Err(Failed::NoAnswer("too large"));
            }
            body.extend_from_slice(&piece);
        }
        let told: Value = serde_json::from_slice(&body).map_err(|_| Failed::NoAnswer("no JSON"))?;
        // Many frameworks put what is asked for below "data".
        Ok(match told.get("data") {
            Some(inner) if inner.is_object() => inner.clone(),
            _ => told,
        })
    }
}

enum Failed {
    Refused,
    NoAnswer(&'static str),
}

/// A subject as one segment of a path: all but letters, digits, `-`, `_` and `~` escaped, dots too.
fn in_path(subject: &str) -> String {
    let mut escaped = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_stays_one_segment() {
        assert_eq!(in_path("auth0|5/..?x#é"), "auth0%7C5%2F%2E%2E%3Fx%23%C3%A9");
        assert_eq!(in_path("7f-A_1~"), "7f-A_1~");
    }
}
