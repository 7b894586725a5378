//! Servers on 127.0.0.1 that answer as Google's do, with state.

pub(crate) mod firestore;
pub(crate) mod kms;
pub(crate) mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use google_setup::{GoogleProject, Waits};
use serde_json::{Value, json};

/// A request as it arrived, its query decoded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Request {
    /// The path below the API's version.
    pub(crate) fn name(&self) -> &str {
        self.path.strip_prefix("/v1/").unwrap_or(&self.path)
    }

    pub(crate) fn is_change(&self) -> bool {
        self.method != "GET"
    }
}

pub(crate) type Answer = Result<Value, (u16, &'static str, String)>;

/// What stands behind a server.
pub(crate) trait Service: Send + Sync + 'static {
    fn answer(&self, request: Request) -> Answer;
}

/// Serves, and answers with the project there.
pub(crate) async fn serve(service: Arc<dyn Service>, waits: Waits) -> GoogleProject {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = router(service);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    GoogleProject::at(format!("http://{address}"), "p", waits)
}

/// Everything that a service answers.
pub(crate) fn router(service: Arc<dyn Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

/// Waits of a test, in which nothing takes long.
pub(crate) const QUICK: Waits = Waits {
    attempt: Duration::from_secs(5),
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
    overall: Duration::from_secs(20),
};

pub(crate) fn refusal(status: u16, code: &'static str, message: impl Into<String>) -> Answer {
    Err((status, code, message.into()))
}

async fn answer(State(service): State<Arc<dyn Service>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let query = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    let request = Request { method: method.to_string(), path: decoded(uri.path()), query: query.collect(), body };
    match service.answer(request) {
        Ok(value) => axum::Json(value).into_response(),
        Err((status, code, message)) => {
            let body = json!({"error": {"code": status, "message": message, "status": code}});
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).unwrap()
}
