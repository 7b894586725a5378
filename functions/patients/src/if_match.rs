use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderName, StatusCode, header};
use web::{ApiError, App, Code};

/// The version that the caller has seen: the header `If-Match`, without which nothing is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(u32);

impl IfMatch {
    /// Refuses a change to a version that the caller has not seen. Asked in the transaction that changes it, so that of
    /// two changes to one version the second is always refused.
    pub(crate) fn must_be(self, current: u32) -> Result<(), ApiError> {
        if self.0 == current {
            return Ok(());
        }
        let message =
            "It has changed since you read it. Read it again and repeat the change where it still makes sense.";
        let error = ApiError::new(Code::DuplicateEntry, message).with_status(StatusCode::PRECONDITION_FAILED);
        Err(error.detail("field", "If-Match").detail("version", current))
    }

    fn read(text: &str) -> Option<Self> {
        // A proxy that compresses weakens the tag.
        let tag = text.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        let version = tag.strip_prefix('"')?.strip_suffix('"')?;
        version.parse().ok().map(Self)
    }
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let message = "Send the version that you have seen as If-Match: its ETag, such as \"3\". \
                           So nothing that others change meanwhile is lost.";
            let error = ApiError::new(Code::InvalidRequest, message).with_status(StatusCode::PRECONDITION_REQUIRED);
            return Err(error.detail("field", "If-Match"));
        };
        let read = value.to_str().ok().and_then(Self::read);
        read.ok_or_else(|| ApiError::field("If-Match", "If-Match: one ETag, such as \"3\", in its quotation marks"))
    }
}

/// A version as a header.
pub(crate) fn etag(version: u32) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_asked_for() {
        assert_eq!(IfMatch::read("\"3\""), Some(IfMatch(3)));
        assert_eq!(IfMatch::read(" W/\"3\""), Some(IfMatch(3)));
        for bad in ["", "3", "*", "\"\"", "\"3\", \"4\"", "\"x\"", "\"-1\""] {
            assert_eq!(IfMatch::read(bad), None, "{bad}");
        }
        assert!(IfMatch(3).must_be(3).is_ok());
        assert_eq!(IfMatch(3).must_be(4).unwrap_err().status(), StatusCode::PRECONDITION_FAILED);
    }
}
