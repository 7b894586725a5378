//! Speech to text: what was said in a recording, by whom and when.
//!
//! [`Speech`] is the port. A short recording is transcribed in one call; a stored one of any length by an operation, which
//! has a name and goes on by itself: whoever keeps the name may ask again after a crash. [`SimulatedSpeech`] hears nothing
//! and says so.
//!
//! To add a service: a type that implements [`Speech`], and the runtime's wiring. Its errors and log lines never carry what
//! was said.

mod error;
mod simulated;

use async_trait::async_trait;
use kernel::Phi;
use serde::{Deserialize, Serialize};

pub use error::SpeechError;
pub use simulated::{Hearing, SIMULATED_WORDS, SimulatedSpeech};

/// What is known of a recording beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The language, as in BCP 47: `en-US`.
    pub language: String,
    /// How many people speak, at least and at most, to be told apart. `None`: they need not be.
    pub speakers: Option<(u8, u8)>,
}

/// A recording that the service reads itself: for Google, `gs://bucket/object`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecording(pub String);

/// The name of an operation, in the service's own words. It tells nothing of a person and may be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationName(pub String);

/// What was said without a pause, by one speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// When it begins, in milliseconds from the recording's beginning.
    pub start_ms: u64,
    /// When it ends; not before it begins.
    pub end_ms: u64,
    /// Who spoke, as the service numbers the voices (`1`, `2`); `None` where it did not tell them apart.
    pub speaker: Option<String>,
    /// What was said.
    pub text: Phi<String>,
    /// How sure the service is, 0 to 1; `None` where it does not say.
    pub confidence: Option<f32>,
}

/// What was said in a recording, in order. No segments: nothing was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The parts.
    pub segments: Vec<Segment>,
    /// Whether nobody listened and the words are made up. Show that to whoever reads it.
    pub is_simulated: bool,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Not done; ask again later.
    Running {
        /// How much is done, 0 to 100; `None` where the service does not say.
        percent: Option<u8>,
    },
    /// Done.
    Done(Transcript),
}

/// Turns speech into text.
#[async_trait]
pub trait Speech: Send + Sync {
    /// What it calls itself, for logs.
    fn name(&self) -> &'static str;

    /// Transcribes a short recording at once. How short is the service's affair; a longer one is
    /// [`SpeechError::TooLong`] and has to be stored.
    async fn transcribe(&self, recording: Phi<Vec<u8>>, listening: &Listening) -> Result<Transcript, SpeechError>;

    /// Starts to transcribe a stored recording. Keep the name: after a crash between this and keeping it, the recording is
    /// transcribed, and paid for, twice.
    async fn start(&self, recording: &StoredRecording, listening: &Listening) -> Result<OperationName, SpeechError>;

    /// How far an operation is, or what came of it. An operation that failed is an error, each time it is asked for.
    async fn progress(&self, operation: &OperationName) -> Result<Progress, SpeechError>;
}
