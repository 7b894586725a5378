use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ApiError, Code};

/// A JSON body: strict in (unknown fields, wrong types and values that break a rule are refused, with the field named),
/// plain out.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()> + Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        must_be_json(request.headers())?;
        let body: Bytes = request.extract().await.map_err(unreadable)?;
        read_json(&body).map(Self)
    }
}

/// `Option<Json<T>>`: no body at all, or `null`, is `None`; whatever else is there has to be right.
impl<S, T> OptionalFromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()> + Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, ApiError> {
        let is_json = must_be_json(request.headers());
        let body: Bytes = request.extract().await.map_err(unreadable)?;
        if body.is_empty() {
            return Ok(None);
        }
        is_json?;
        if body.trim_ascii() == b"null" { Ok(None) } else { read_json(&body).map(|value| Some(Self(value))) }
    }
}

fn must_be_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(ApiError::new(Code::InvalidRequest, "Send a JSON body with Content-Type: application/json.")
        .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn unreadable(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(Code::ValidationError, "The body is too large.")
            .with_status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    ApiError::new(Code::InvalidRequest, "The body could not be read to its end.")
}

/// Reads and checks JSON text as [`Json`] does, for what comes over a socket.
pub fn read_json<T: DeserializeOwned + Validate<Context = ()>>(body: &[u8]) -> Result<T, ApiError> {
    // serde would take a list for an object: its first entry for the first field, and so on.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::new(Code::ValidationError, "The body is a list. Send a JSON object."));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // A name of a list where something else stands is told as a mistake of syntax too.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if (inner.is_syntax() || inner.is_eof()) && !is_json() {
            let place = format!("line {}, column {}", inner.line(), inner.column());
            return ApiError::new(Code::InvalidRequest, format!("The body is not valid JSON at {place}."));
        }
        wrong_field(&path, &inner.to_string())
    })?;
    deserializer
        .end()
        .map_err(|_| ApiError::new(Code::InvalidRequest, "The body has something after the end of its JSON."))?;
    check(value)
}

fn check<T: Validate<Context = ()>>(value: T) -> Result<T, ApiError> {
    match value.validate() {
        Ok(()) => Ok(value),
        Err(report) => Err(report.iter().next().map_or_else(
            || ApiError::new(Code::ValidationError, "A field breaks a rule."),
            |(path, error)| ApiError::field(&camel_case(&path.to_string()), error.to_string()),
        )),
    }
}

/// serde tells of unknown and missing fields at their parent; this names the field itself.
fn wrong_field(path: &str, message: &str) -> ApiError {
    let quoted = message
        .split('`')
        .nth(1)
        .filter(|_| message.starts_with("unknown field") || message.starts_with("missing field"));
    let field = match (path, quoted) {
        (".", Some(name)) => name.to_owned(),
        (parent, Some(name)) if !parent.ends_with(name) => format!("{parent}.{name}"),
        (path, _) => path.to_owned(),
    };
    let reason = message.split(" at line ").next().unwrap_or(message);
    ApiError::field(&field, format!("{field}: {reason}"))
}

/// garde names fields as Rust does.
fn camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.extend(c.to_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

/// The query string, strict as [`Json`] is.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = parts.uri.query().unwrap_or("");
        let pairs = serde_urlencoded::Deserializer::new(form_pairs(text));
        let value: T = serde_path_to_error::deserialize(pairs)
            .map_err(|error| wrong_field(&error.path().to_string(), &error.into_inner().to_string()))?;
        check(value).map(Self)
    }
}

fn form_pairs(text: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(text.as_bytes())
}

/// Ids in the path, typed; a text that is no id is refused with its name.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let bad = |field: &str| ApiError::field(field, format!("{field}: {}", kernel::InvalidId));
        if let Ok(params) = RawPathParams::from_request_parts(parts, state).await {
            for (name, value) in &params {
                if value.parse::<kernel::ChatId>().is_err() {
                    return Err(bad(name));
                }
            }
        }
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| bad("path"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        #[garde(length(chars, min = 2, max = 5))]
        first_name: String,
        #[garde(skip)]
        #[serde(default)]
        inner: Vec<Inner>,
        #[garde(skip)]
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        n: u8,
    }

    fn refused(text: &str) -> (Code, Option<String>) {
        let error = read_json::<Body>(text.as_bytes()).unwrap_err();
        let field = error.body(Time::from_millis(0))["error"]["details"]["field"].as_str().map(str::to_owned);
        (error.code(), field)
    }
    use kernel::Time;

    #[test]
    fn what_is_wrong_is_named() {
        let field = |name: &str| (Code::ValidationError, Some(name.to_owned()));
        assert_eq!(refused(r#"{"firstName":"a"}"#), field("firstName"));
        assert_eq!(refused(r#"{"firstName":7}"#), field("firstName"));
        assert_eq!(refused(r#"{}"#), field("firstName"));
        assert_eq!(refused(r#"{"firstName":"abc","x":1}"#), field("x"));
        assert_eq!(refused(r#"{"firstName":"abc","inner":[{"n":1},{"n":999}]}"#), field("inner[1].n"));
        assert_eq!(refused(r#"{"firstName":"abc","inner":[{"n":1,"m":2}]}"#), field("inner[0].m"));
        for wrong in ["7", "[]", "{}", "true", "\"two\""] {
            assert_eq!(refused(&format!(r#"{{"firstName":"abc","kind":{wrong}}}"#)), field("kind"), "{wrong}");
        }
        assert_eq!(refused(r#"{"firstName":"#), (Code::InvalidRequest, None));
        assert_eq!(refused(r#"{"firstName":"abc"} x"#), (Code::InvalidRequest, None));
        assert_eq!(refused("\u{0}"), (Code::InvalidRequest, None));
        assert_eq!(refused(r#" ["abc"]"#), (Code::ValidationError, None));
        let good: Body = read_json(br#"{"firstName":"abc","inner":[{"n":9}]}"#).unwrap();
        assert_eq!((good.first_name.as_str(), good.inner[0].n), ("abc", 9));
        let good: Body = read_json(br#"{"firstName":"abc","kind":"one"}"#).unwrap();
        assert!(matches!(good.kind, Some(Kind::One)));
    }
}
