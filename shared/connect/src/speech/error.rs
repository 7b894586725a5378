/// Why there is no transcript. No variant carries anything of a recording or of what was said in it.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The recording is longer or larger than one call takes.
    #[error("the recording is too long for one call: store it and start an operation")]
    TooLong,
    /// The recording is no sound that the service knows, or the language or model is wrong.
    #[error(
        "the speech service cannot use this recording with these settings ({reason}): check format, language and model"
    )]
    Unusable {
        /// The service's word for why, such as `INVALID_ARGUMENT`.
        reason: String,
    },
    /// The service cannot read the stored recording.
    #[error("the stored recording is not there, or the speech service may not read it")]
    NoRecording,
    /// There is no operation of this name, or not any more: start a new one.
    #[error("the speech service does not know this operation (any more): start a new one")]
    NoOperation,
    /// The service refuses the call.
    #[error(
        "the speech service refuses the call ({reason}): check its permissions, its location and whether it is switched on"
    )]
    Refused {
        /// The service's word for why, such as `PERMISSION_DENIED`.
        reason: String,
    },
    /// There is no client of the service.
    #[error("the speech service cannot be called")]
    NoClient(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too many calls, or the quota is used up.
    #[error("the speech service takes no more calls now")]
    RateLimited,
    /// The service does not work now, or cannot be reached.
    #[error("the speech service is not available ({reason})")]
    Unavailable {
        /// The service's word for why, or what the connection did.
        reason: String,
    },
    /// No answer in the time allowed.
    #[error("the speech service did not answer in time")]
    TimedOut,
    /// The answer is not what was asked for.
    #[error("the speech service's answer cannot be used: {0}")]
    NotUnderstood(&'static str),
}

impl SpeechError {
    /// Whether the same call may succeed later. Of an operation that failed so, a new one may.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable { .. } | Self::TimedOut)
    }
}
