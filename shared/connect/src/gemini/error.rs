use std::time::Duration;

use super::TokenUnavailable;

/// Why there is no answer. No variant carries text of the request or of the answer.
#[derive(Debug, thiserror::Error)]
pub enum GeminiError {
    /// Google's filters stopped the prompt or the answer.
    #[error("Gemini blocked the {what} ({reason})")]
    Blocked {
        /// `prompt` or `answer`.
        what: &'static str,
        /// Google's word for why, such as `SAFETY`.
        reason: String,
    },
    /// The answer is longer than was allowed.
    #[error("Gemini's answer was cut off: it needs more output tokens than were allowed")]
    Truncated,
    /// The answer is not what was asked for.
    #[error("Gemini's answer cannot be used: {0}")]
    NotUnderstood(&'static str),
    /// Too many calls, or the quota is used up.
    #[error("Gemini takes no more calls now (HTTP 429)")]
    RateLimited {
        /// When Google says to come back.
        retry_after: Option<Duration>,
    },
    /// Google's side does not work now.
    #[error("Gemini is not available (HTTP {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// When Google says to come back.
        retry_after: Option<Duration>,
    },
    /// No answer in the time allowed.
    #[error("Gemini did not answer in time")]
    TimedOut,
    /// No connection, or it broke.
    #[error("Gemini cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// Google refuses the call: the key, the model's name or the request is wrong.
    #[error("Gemini refuses the call (HTTP {status} {reason}): check the key, the model's name and the address")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Google's word for why, such as `PERMISSION_DENIED`.
        reason: String,
    },
    /// No access token.
    #[error("Gemini cannot be called")]
    NoToken(#[source] TokenUnavailable),
    /// The key or token has characters that no header takes.
    #[error("the Gemini key or token has characters that cannot be sent in a header; is there a line break in it?")]
    UnusableCredential,
}

impl GeminiError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut
            | Self::Unreachable(_)
            | Self::NoToken(_)
            // A model does not write the same twice.
            | Self::NotUnderstood(_) => true,
            Self::Blocked { .. } | Self::Truncated | Self::Refused { .. } | Self::UnusableCredential => false,
        }
    }

    pub(super) fn from_transport(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::TimedOut } else { Self::Unreachable(error.without_url()) }
    }

    /// When to come back, as far as Google said so.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
