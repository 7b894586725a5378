use std::collections::HashMap;

use async_trait::async_trait;
use kernel::Phi;
use parking_lot::Mutex;

use super::{Listening, OperationName, Progress, Segment, Speech, SpeechError, StoredRecording, Transcript};

/// What a simulated transcript says, unless it is told what to say.
pub const SIMULATED_WORDS: &str = "[SIMULATED: nobody listened to this recording]";

/// The beginning of the names of simulated operations; the recording follows, so that any process can answer.
const OPERATION: &str = "simulated/";
/// How long a simulated segment takes, in milliseconds.
const SEGMENT_MS: u64 = 2_000;

/// What is to happen to a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// It says this: speaker and words of each segment.
    Says(Vec<(String, Phi<String>)>),
    /// Its operation goes on and on.
    Running,
    /// It cannot be used.
    Unusable,
    /// It is not there.
    Missing,
    /// The service is down.
    Unavailable,
}

/// Hears NOTHING: each transcript is [`SIMULATED_WORDS`], or what it was told for a recording, and is marked as simulated.
#[derive(Default)]
pub struct SimulatedSpeech {
    hearings: Mutex<HashMap<String, Hearing>>,
}

impl SimulatedSpeech {
    /// A service that was told nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides over a stored recording from now on, its operations that have started included.
    pub fn set(&self, recording: &StoredRecording, hearing: Hearing) {
        self.hearings.lock().insert(recording.0.clone(), hearing);
    }

    fn hearing(&self, recording: &str) -> Option<Hearing> {
        self.hearings.lock().get(recording).cloned()
    }
}

#[async_trait]
impl Speech for SimulatedSpeech {
    fn name(&self) -> &'static str {
        "SIMULATED"
    }

    async fn transcribe(&self, _: Phi<Vec<u8>>, listening: &Listening) -> Result<Transcript, SpeechError> {
        tracing::info!(language = listening.language, "SIMULATED: nobody listened to a recording");
        Ok(transcript(vec![("1".to_owned(), Phi::new(SIMULATED_WORDS.to_owned()))]))
    }

    async fn start(&self, recording: &StoredRecording, listening: &Listening) -> Result<OperationName, SpeechError> {
        tracing::info!(language = listening.language, "SIMULATED: nobody will listen to a recording");
        match self.hearing(&recording.0) {
            Some(Hearing::Unavailable) => Err(unavailable()),
            _ => Ok(OperationName(format!("{OPERATION}{}", recording.0))),
        }
    }

    async fn progress(&self, operation: &OperationName) -> Result<Progress, SpeechError> {
        let recording = operation.0.strip_prefix(OPERATION).ok_or(SpeechError::NoOperation)?;
        match self.hearing(recording) {
            None => Ok(Progress::Done(transcript(vec![("1".to_owned(), Phi::new(SIMULATED_WORDS.to_owned()))]))),
            Some(Hearing::Says(said)) => Ok(Progress::Done(transcript(said))),
            Some(Hearing::Running) => Ok(Progress::Running { percent: Some(50) }),
            Some(Hearing::Unusable) => Err(SpeechError::Unusable { reason: "SIMULATED".to_owned() }),
            Some(Hearing::Missing) => Err(SpeechError::NoRecording),
            Some(Hearing::Unavailable) => Err(unavailable()),
        }
    }
}

fn unavailable() -> SpeechError {
    SpeechError::Unavailable { reason: "SIMULATED".to_owned() }
}

fn transcript(said: Vec<(String, Phi<String>)>) -> Transcript {
    let segments = said.into_iter().zip(0_u64..).map(|((speaker, text), number)| Segment {
        start_ms: number * SEGMENT_MS,
        end_ms: (number + 1) * SEGMENT_MS,
        speaker: Some(speaker),
        text,
        confidence: None,
    });
    Transcript { segments: segments.collect(), is_simulated: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> Listening {
        Listening { language: "en-US".to_owned(), speakers: Some((2, 2)) }
    }

    fn done(progress: Progress) -> Transcript {
        match progress {
            Progress::Done(transcript) => transcript,
            Progress::Running { .. } => panic!("it should be done"),
        }
    }

    #[tokio::test]
    async fn it_says_that_it_is_simulated() {
        let speech = SimulatedSpeech::new();
        assert_eq!(speech.name(), "SIMULATED");
        let at_once = speech.transcribe(Phi::new(vec![1, 2, 3]), &english()).await.unwrap();
        let operation = speech.start(&StoredRecording("file:a.flac".to_owned()), &english()).await.unwrap();
        assert!(operation.0.starts_with("simulated/"));
        // Another process knows nothing of the first one's memory.
        let later = done(SimulatedSpeech::new().progress(&operation).await.unwrap());
        for transcript in [at_once, later] {
            assert!(transcript.is_simulated);
            assert!(transcript.segments.iter().all(|segment| segment.text.disclose().contains("SIMULATED")));
            assert_eq!(transcript.segments.len(), 1);
        }
    }

    #[tokio::test]
    async fn recordings_go_as_they_are_told() {
        let speech = SimulatedSpeech::new();
        let recording = StoredRecording("gs://b/o".to_owned());
        let operation = speech.start(&recording, &english()).await.unwrap();
        speech.set(&recording, Hearing::Running);
        assert_eq!(speech.progress(&operation).await.unwrap(), Progress::Running { percent: Some(50) });
        let said = [("1", "How are you?"), ("2", "Canary, thank you.")];
        let said = said.map(|(speaker, text)| (speaker.to_owned(), Phi::new(text.to_owned())));
        speech.set(&recording, Hearing::Says(said.to_vec()));
        let transcript = done(speech.progress(&operation).await.unwrap());
        assert!(transcript.is_simulated && !format!("{transcript:?}").contains("Canary"));
        let second = &transcript.segments[1];
        assert_eq!((second.start_ms, second.end_ms, second.speaker.as_deref()), (2_000, 4_000, Some("2")));
        for (hearing, is_retryable) in
            [(Hearing::Unusable, false), (Hearing::Missing, false), (Hearing::Unavailable, true)]
        {
            speech.set(&recording, hearing);
            assert_eq!(speech.progress(&operation).await.unwrap_err().is_retryable(), is_retryable);
        }
        assert!(speech.start(&recording, &english()).await.unwrap_err().is_retryable());
        let unknown = speech.progress(&OperationName("projects/p/operations/1".to_owned())).await;
        assert!(matches!(unknown, Err(SpeechError::NoOperation)));
    }
}
