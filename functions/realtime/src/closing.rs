//! Why a connection is ended by the server.

/// A WebSocket close code with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The code, of RFC 6455 or of the range that applications may use.
    pub(crate) code: u16,
    /// For people.
    pub(crate) reason: &'static str,
}

impl Closing {
    /// The process stops; connect again and resume.
    pub(crate) const GOING_AWAY: Self = Self { code: 1001, reason: "The server restarts. Connect again and resume." };
    /// The client does not answer pings.
    pub(crate) const SILENT: Self = Self { code: 1001, reason: "No answer to two pings. Connect again and resume." };
    /// The client sends too much.
    pub(crate) const FLOOD: Self = Self { code: 1008, reason: "Too many frames." };
    /// The client does not read.
    pub(crate) const TOO_SLOW: Self = Self { code: 1013, reason: "Frames were not read. Connect again and resume." };
    /// No valid access token was given.
    pub(crate) const NOT_SIGNED_IN: Self = Self { code: 4401, reason: "Sign in and send a valid access token." };
    /// The session ended.
    pub(crate) const SIGNED_OUT: Self = Self { code: 4401, reason: "The session has ended. Sign in again." };

    /// The error code that tells it to clients whose protocol has no close codes.
    pub(crate) const fn name(self) -> &'static str {
        match self.code {
            1008 => "RATE_LIMITED",
            4401 => "UNAUTHORIZED",
            _ => "EXTERNAL_SERVICE_ERROR",
        }
    }
}
