//! What writes a note: two engines behind one trait.
//!
//! [`extractive`] runs offline and is the default; [`gemini`] asks a model. Both keep one promise, which [`support`]
//! checks: every sentence cites the messages it comes from, and says nothing that was not said there.
//!
//! To add an engine, implement [`ScribeEngine`], pass every sentence through [`support`], and give it an honest name.

pub mod extractive;
pub mod gemini;
mod phrases;
pub mod support;
mod words;

use async_trait::async_trait;
use connect::gemini::GeminiError;
use kernel::{MessageId, Phi};
use model::consultation_type::ConsultationType;
use model::note_template::NoteTemplate;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// A doctor, nurse or assistant.
    Clinician,
    /// The person in care.
    Patient,
    /// Someone else: a relative, a guest, an interpreter.
    Other,
}

/// One message, or one stretch of a call's transcript.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The message; what a note's sentence cites.
    pub message_id: MessageId,
    /// Who said it. Speech recognition swaps speakers now and then, so the engines treat it as likely, not as certain.
    pub speaker: Speaker,
    /// What was said.
    pub text: Phi<String>,
}

/// What a note is written from.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// What was said, in order.
    pub turns: Vec<Turn>,
    /// What kind of visit it is.
    pub consultation_type: Option<&'static ConsultationType>,
    /// Why the patient comes, as it was noted down before the visit. It tells an engine what matters, and is no
    /// evidence: nothing gets into the note from it alone.
    pub visit_reason: Option<Phi<String>>,
}

/// A note as an engine wrote it, for a clinician to correct and sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftNote {
    /// Who wrote it: `extractive-1`, or `gemini:` and the model's name.
    pub engine: String,
    /// Every section of the template in its order; one that nothing was said about is empty.
    pub sections: Vec<DraftSection>,
    /// How many sentences the engine wrote and the check took out, because the conversation does not support them.
    pub dropped: usize,
}

/// One section of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftSection {
    /// The section's key in the template.
    pub id: String,
    /// Its sentences in the order in which they are read.
    pub sentences: Vec<DraftSentence>,
}

impl DraftSection {
    /// The section's text.
    pub fn text(&self) -> Phi<String> {
        let sentences: Vec<&str> = self.sentences.iter().map(|sentence| sentence.text.disclose().as_str()).collect();
        Phi::new(sentences.join(" "))
    }
}

/// One sentence of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftSentence {
    /// The sentence.
    pub text: Phi<String>,
    /// The messages it comes from, in their order; never empty.
    pub evidence: Vec<MessageId>,
}

/// What a suggestion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuggestionKind {
    /// A medication to start, stop or change.
    Medication,
    /// A symptom to follow up.
    Symptom,
    /// Something to do.
    Action,
    /// Something found.
    Finding,
}

impl SuggestionKind {
    /// The kind's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Medication => "medication",
            Self::Symptom => "symptom",
            Self::Action => "action",
            Self::Finding => "finding",
        }
    }
}

/// Something that a clinician may want to take over into a section.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The section's key in the template.
    pub section: String,
    /// What is suggested, as it was said.
    pub text: Phi<String>,
    /// What it is about.
    pub kind: SuggestionKind,
    /// The messages it comes from; never empty.
    pub evidence: Vec<MessageId>,
    /// How sure the engine is, from 0 to 1.
    pub confidence: f32,
}

/// Why there is no note. No variant carries anything of the conversation.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is nothing in the conversation that a note can be written from.
    #[error("the conversation has nothing that belongs into a note")]
    NothingToWrite,
    /// The conversation is longer than the engine takes.
    #[error("the conversation has {characters} characters; the engine takes at most {limit}")]
    TooLong {
        /// How long it is.
        characters: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The model wrote sentences, and the conversation supports none of them.
    #[error("the conversation supports none of the {dropped} sentences that the model wrote")]
    Unsupported {
        /// How many there were.
        dropped: usize,
    },
    /// The model's JSON is not what it was asked for.
    #[error("the model's answer is not of the shape that was asked for")]
    WrongShape,
    /// The model gave no answer.
    #[error("the model gave no note")]
    Model(#[from] GeminiError),
}

impl EngineError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Model(error) => error.is_retryable(),
            // A model does not write the same twice.
            Self::Unsupported { .. } | Self::WrongShape => true,
            Self::NothingToWrite | Self::TooLong { .. } => false,
        }
    }
}

/// What writes notes.
#[async_trait]
pub trait ScribeEngine: Send + Sync {
    /// The engine's honest name, as it stands in every note that it writes.
    fn name(&self) -> &str;

    /// Writes a note with the template's sections, and what else the clinician may want to note.
    async fn write_note(
        &self,
        conversation: &Conversation,
        template: &NoteTemplate,
    ) -> Result<(DraftNote, Vec<Suggestion>), EngineError>;
}
