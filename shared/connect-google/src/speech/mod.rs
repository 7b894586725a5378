//! Google Cloud Speech-to-Text, version 2 of its API.

mod answer;
mod config;
mod failure;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use connect::speech::{Listening, OperationName, Progress, Speech, SpeechError, StoredRecording, Transcript};
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicy, RetryPolicyExt};
use google_cloud_speech_v2::client::Speech as Client;
use google_cloud_speech_v2::model::recognition_config::DecodingConfig;
use google_cloud_speech_v2::model::recognition_output_config::Output;
use google_cloud_speech_v2::model::{
    AutoDetectDecodingConfig, BatchRecognizeFileMetadata, InlineOutputConfig, RecognitionConfig, RecognitionFeatures,
    RecognitionOutputConfig, SpeakerDiarizationConfig,
};
use kernel::Phi;
use tokio::sync::OnceCell;

pub use config::{GoogleSpeechConfig, InvalidSpeechConfig};

/// The largest recording that one call takes, in bytes: Google's 10 MB. How long it is, 60 s at most, only Google knows.
const MAX_BYTES: usize = 10_000_000;
/// How long transcribing a short recording may take.
const RECOGNIZING: Duration = Duration::from_secs(120);
/// How long starting an operation or asking for one may take. The answer holds the transcript.
const ASKING: Duration = Duration::from_secs(30);
/// How often Google is asked at most. A call that Google may have taken is repeated only where that does nothing twice.
const ATTEMPTS: u32 = 3;
/// By this variable Google's clients log what they send and get.
const LOGGING_VARIABLE: &str = "GOOGLE_CLOUD_RUST_LOGGING";

/// Google's clients would write what is said to the log.
#[derive(Debug, thiserror::Error)]
#[error("GOOGLE_CLOUD_RUST_LOGGING=true would write recordings and transcripts to the log: unset it")]
struct WouldBeLogged;

/// Google Cloud Speech-to-Text: recordings of up to 60 s and 10 MB in one call (`Recognize`), stored ones by an operation
/// (`BatchRecognize`), whose result Google keeps in the operation.
///
/// Nothing of a recording or a transcript gets into errors or logs.
pub struct GoogleSpeech {
    config: GoogleSpeechConfig,
    client: OnceCell<Client>,
}

impl GoogleSpeech {
    /// A client, which connects when it is first used.
    pub fn new(config: GoogleSpeechConfig) -> Self {
        Self { config, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&Client, SpeechError> {
        let build = || async {
            if logs_everything(std::env::var(LOGGING_VARIABLE).ok().as_deref()) {
                return Err(SpeechError::NoClient(Box::new(WouldBeLogged)));
            }
            let builder = Client::builder().with_retry_policy(retries()).with_backoff_policy(backoff());
            let builder = builder.with_endpoint(self.config.endpoint());
            let builder = match self.config.is_at_google() {
                true => builder,
                false => builder.with_credentials(anonymous::Builder::new().build()),
            };
            builder.build().await.map_err(|error| SpeechError::NoClient(Box::new(error)))
        };
        self.client.get_or_try_init(build).await
    }

    fn recognition(&self, listening: &Listening) -> RecognitionConfig {
        let features = RecognitionFeatures::new()
            .set_enable_automatic_punctuation(true)
            .set_enable_word_time_offsets(self.config.has_word_times())
            .set_or_clear_diarization_config(listening.speakers.map(|(least, most)| {
                let least = least.max(1);
                SpeakerDiarizationConfig::new().set_min_speaker_count(least).set_max_speaker_count(most.max(least))
            }));
        RecognitionConfig::new()
            .set_model(self.config.model())
            .set_language_codes([listening.language.clone()])
            .set_features(features)
            .set_decoding_config(DecodingConfig::AutoDecodingConfig(Box::new(AutoDetectDecodingConfig::new())))
    }
}

#[async_trait]
impl Speech for GoogleSpeech {
    fn name(&self) -> &'static str {
        "google-speech-to-text"
    }

    #[tracing::instrument(name = "speech.transcribe", skip_all)]
    async fn transcribe(&self, recording: Phi<Vec<u8>>, listening: &Listening) -> Result<Transcript, SpeechError> {
        if recording.disclose().len() > MAX_BYTES {
            return Err(SpeechError::TooLong);
        }
        let asking = async {
            let request = self.client().await?.recognize().set_recognizer(self.config.recognizer());
            let request = request.set_config(self.recognition(listening)).set_content(recording.into_disclosed());
            // To transcribe twice changes nothing.
            let answer = request.with_idempotency(true).send().await;
            answer.map_err(|error| failure::of_call(&error))
        };
        Ok(answer::transcript(within(RECOGNIZING, asking).await?.results))
    }

    #[tracing::instrument(name = "speech.start", skip_all)]
    async fn start(&self, recording: &StoredRecording, listening: &Listening) -> Result<OperationName, SpeechError> {
        let inline = Output::InlineResponseConfig(Box::new(InlineOutputConfig::new()));
        let asking = async {
            let request = self.client().await?.batch_recognize().set_recognizer(self.config.recognizer());
            let request = request
                .set_config(self.recognition(listening))
                .set_files([BatchRecognizeFileMetadata::new().set_uri(&recording.0)])
                .set_recognition_output_config(RecognitionOutputConfig::new().set_output(inline));
            request.send().await.map_err(|error| failure::of_call(&error))
        };
        let operation = within(ASKING, asking).await?;
        if operation.name.is_empty() {
            return Err(SpeechError::NotUnderstood("the operation has no name"));
        }
        Ok(OperationName(operation.name))
    }

    #[tracing::instrument(name = "speech.progress", skip_all)]
    async fn progress(&self, operation: &OperationName) -> Result<Progress, SpeechError> {
        let asking = async {
            let answer = self.client().await?.get_operation().set_name(&operation.0).send().await;
            answer.map_err(|error| failure::of_operation_call(&error))
        };
        answer::progress(within(ASKING, asking).await?)
    }
}

impl fmt::Debug for GoogleSpeech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoogleSpeech({})", self.config.recognizer())
    }
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, SpeechError>>) -> Result<T, SpeechError> {
    tokio::time::timeout(deadline, work).await.unwrap_or(Err(SpeechError::TimedOut))
}

fn retries() -> impl RetryPolicy + 'static {
    Aip194Strict.with_attempt_limit(ATTEMPTS)
}

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBackoffBuilder::new().with_initial_delay(Duration::from_millis(200));
    builder.with_maximum_delay(Duration::from_secs(2)).clamp()
}

fn logs_everything(variable: Option<&str>) -> bool {
    variable == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_own_logging_is_noticed() {
        assert!(logs_everything(Some("true")));
        assert!(!logs_everything(Some("false")) && !logs_everything(None));
    }
}
