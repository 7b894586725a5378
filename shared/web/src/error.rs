use axum::extract::State;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kernel::Time;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::App;

/// The closed list of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The request is malformed.
    InvalidRequest,
    /// Who asks is not known.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// There is no such thing, or none that the caller may know of.
    NotFound,
    /// It exists already, or has changed meanwhile.
    DuplicateEntry,
    /// A field has a wrong value.
    ValidationError,
    /// Too many requests.
    RateLimited,
    /// Something this service depends on does not answer.
    ExternalServiceError,
    /// A fault of this service.
    InternalServerError,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::ValidationError => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::DuplicateEntry => StatusCode::CONFLICT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ExternalServiceError => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An answer that is an error. What it says is for the caller; its cause is for the log.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    status: StatusCode,
    message: String,
    details: Map<String, Value>,
    retry_after_seconds: Option<u64>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    /// An error with its code's usual status. The message says what is wrong and what to do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            message: message.into(),
            details: Map::new(),
            retry_after_seconds: None,
            cause: None,
        }
    }

    /// A field that is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::ValidationError, message).detail("field", field)
    }

    /// Not there, or not for the caller to know of.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}, or you have no access to it."))
    }

    /// The caller may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// The caller has to sign in.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// A fault of this service; `cause` goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error =
            Self::new(Code::InternalServerError, "Something went wrong on our side. It was logged; please try again.");
        error.cause = Some(cause.into());
        error
    }

    /// Something needed does not answer; `cause` goes to the log only.
    pub fn unavailable(message: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::ExternalServiceError, message).retry_after(2);
        error.cause = Some(cause.into());
        error
    }

    /// `other` in place of a "not found", so that what stands between a caller and a thing does not show.
    #[must_use]
    pub fn instead_of_not_found(self, other: Self) -> Self {
        if self.code == Code::NotFound { other } else { self }
    }

    /// With another status of the same kind.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With something more for the caller's program.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// With what it comes from, which goes to the log only.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With a hint when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The envelope of the API.
    pub fn body(&self, now: Time) -> Value {
        let details: &Map<String, Value> = &self.details;
        json!({
            "success": false,
            "error": { "code": self.code, "message": self.message, "details": details },
            "timestamp": now,
        })
    }

    /// Writes the cause to the log, if there is one. Causes name documents and services, never what they hold.
    pub fn log(&self) {
        if let Some(cause) = &self.cause {
            tracing::error!(code = ?self.code, status = self.status.as_u16(), error = cause.as_ref() as &dyn std::error::Error, "request failed");
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::AlreadyExists { .. } => {
                Self::new(Code::DuplicateEntry, "It exists already.").with_cause(error)
            }
            store::Error::Contention { .. } => {
                Self::unavailable("Too many changes to the same record at once. Please try again.", error)
            }
            store::Error::Unavailable(_) => {
                Self::unavailable("The data store does not answer. Please try again.", error)
            }
            store::Error::TooLarge { .. } => {
                Self::new(Code::ValidationError, "The record would become too large.").with_cause(error)
            }
            other => Self::internal(other),
        }
    }
}

impl From<vault::Error> for ApiError {
    fn from(error: vault::Error) -> Self {
        match error {
            // What a destroyed key sealed is gone, as if it had been deleted.
            vault::Error::KeyMissing { .. } => Self::not_found("record"),
            error if error.is_retryable() => {
                Self::unavailable("The key service does not answer. Please try again.", error)
            }
            error => Self::internal(error),
        }
    }
}

/// For event handlers that use what operations use: what a client is told to try again is tried again.
impl From<ApiError> for events::Failure {
    fn from(error: ApiError) -> Self {
        if error.code == Code::ExternalServiceError {
            let cause = error.cause.unwrap_or_else(|| error.message.into());
            return Self::Retry(cause);
        }
        match error.cause.map(|cause| cause.downcast::<store::Error>()) {
            Some(Ok(store)) => (*store).into(),
            Some(Err(cause)) => Self::GiveUp(cause.to_string()),
            None => Self::GiveUp(error.message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

/// Gives every error response its body: the outermost layer of a function's routes. Refusals that axum itself makes
/// (no such path, no such method, a body too large) get the same envelope.
pub async fn render_errors(State(app): State<App>, request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let error = match response.extensions_mut().remove::<std::sync::Arc<ApiError>>() {
        Some(error) => error,
        None if status.is_success() || !is_bare(&response) => return response,
        None => match status {
            StatusCode::NOT_FOUND => ApiError::new(Code::NotFound, "There is no such path. See /api/docs.").into(),
            StatusCode::METHOD_NOT_ALLOWED => {
                ApiError::new(Code::InvalidRequest, "This path does not take that method. See /api/docs.")
                    .with_status(status)
                    .into()
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(Code::ValidationError, "The body is too large.").with_status(status).into()
            }
            StatusCode::REQUEST_TIMEOUT => {
                ApiError::new(Code::InvalidRequest, "The request took too long.").with_status(status).into()
            }
            _ => return response,
        },
    };
    error.log();
    let mut rendered = (error.status, axum::Json(error.body(app.now()))).into_response();
    if let Some(seconds) = error.retry_after_seconds {
        rendered.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// Whether a response carries no body that a handler chose.
fn is_bare(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// An error, as every operation answers it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always `false`.
    #[schema(example = false)]
    pub success: bool,
    /// What is wrong.
    pub error: ErrorInfo,
    /// When, in UTC.
    pub timestamp: Time,
}

/// What is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorInfo {
    /// One of a closed list.
    pub code: Code,
    /// For people.
    #[schema(example = "password: at least 8 characters")]
    pub message: String,
    /// For programs; `field` names the field that is wrong.
    #[schema(value_type = Object, example = json!({"field": "password"}))]
    pub details: Value,
}
