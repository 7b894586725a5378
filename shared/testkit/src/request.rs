use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::TestUser;

/// A request to the router, in process.
pub struct TestRequest {
    router: Router,
    request: http::request::Builder,
    body: Body,
}

/// Its answer.
#[derive(Debug)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` where it is empty, a string where it is no JSON.
    pub body: Value,
}

impl TestRequest {
    pub(crate) fn new(router: Router, method: Method, path: &str) -> Self {
        Self { router, request: Request::builder().method(method).uri(path), body: Body::empty() }
    }

    /// By this user.
    #[must_use]
    pub fn by(self, user: &TestUser) -> Self {
        self.header("authorization", &format!("Bearer {}", user.token))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// With any body.
    #[must_use]
    pub fn text(mut self, content_type: &str, body: String) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, content_type);
        self.body = Body::from(body);
        self
    }

    /// With a body of bytes.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, content_type);
        self.body = Body::from(body);
        self
    }

    /// Sends it.
    pub async fn send(self) -> TestResponse {
        let response = self.router.oneshot(self.request.body(self.body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
        };
        TestResponse { status: parts.status, headers: parts.headers, body }
    }

    /// Sends it and wants this status.
    pub async fn expect(self, status: u16) -> Value {
        let response = self.send().await;
        assert_eq!(response.status.as_u16(), status, "{}", response.body);
        response.body
    }

    /// Sends it and wants an error of this status and code; answers the field named in its details, or "".
    pub async fn refused(self, status: u16, code: &str) -> String {
        let response = self.send().await;
        assert_eq!(
            (response.status.as_u16(), &response.body["error"]["code"]),
            (status, &Value::from(code)),
            "{}",
            response.body
        );
        assert_eq!(response.body["success"], false);
        assert!(response.body["timestamp"].is_string());
        response.body["error"]["details"]["field"].as_str().unwrap_or("").to_owned()
    }
}
