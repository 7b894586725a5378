//! The refresh token as a cookie, for browsers: scripts cannot read it, other sites cannot send it, and it goes to the
//! operations that need it only.

use ::cookie::{Cookie, SameSite, time};
use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderValue, header};
use kernel::Phi;
use web::{ApiError, App};

const NAME: &str = "refresh_token";
const PATH: &str = "/api/v1/auth";

/// A `Set-Cookie` for an answer.
pub(crate) struct RefreshCookie(HeaderValue);

impl RefreshCookie {
    /// The cookie with this refresh token.
    pub(crate) fn with(app: &App, refresh: &str) -> Result<Self, ApiError> {
        let seconds = i64::try_from(app.settings.session_life.as_secs()).unwrap_or(i64::MAX);
        Self::of(app, refresh, time::Duration::seconds(seconds))
    }

    /// What makes the browser forget the cookie.
    pub(crate) fn cleared(app: &App) -> Result<Self, ApiError> {
        Self::of(app, "", time::Duration::ZERO)
    }

    fn of(app: &App, value: &str, max_age: time::Duration) -> Result<Self, ApiError> {
        let cookie = Cookie::build((NAME, value))
            .http_only(true)
            .same_site(SameSite::Strict)
            .path(PATH)
            .secure(app.settings.secure_cookies)
            .max_age(max_age);
        let mut header = HeaderValue::try_from(cookie.to_string()).map_err(ApiError::internal)?;
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

impl IntoResponseParts for RefreshCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().append(header::SET_COOKIE, self.0);
        Ok(parts)
    }
}

/// The refresh token that a browser sent.
pub(crate) fn refresh_token(headers: &HeaderMap) -> Option<Phi<String>> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == NAME)
        .map(|cookie| Phi::new(cookie.value().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(refresh_token(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; refresh_tokens=no"));
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; refresh_token=clinic.f1.s; c"));
        assert_eq!(refresh_token(&headers), Some(Phi::new("clinic.f1.s".to_owned())));
    }
}
