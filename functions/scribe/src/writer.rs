use std::sync::Arc;
use std::time::Duration;

use connect::gemini::{Credential, GeminiClient, GeminiSettings};
use http::StatusCode;
use kernel::{Phi, Random};
use model::consultation_type::ConsultationType;
use model::note_template::NoteTemplate;
use web::{ApiError, App, Code, ScribeSettings};

use crate::draft::GeneratedNote;
use crate::engine::extractive::ExtractiveEngine;
use crate::engine::gemini::GeminiEngine;
use crate::engine::{Conversation, DraftNote, EngineError, ScribeEngine, Suggestion, Turn};

/// How long a caller waits for a model: one attempt, so that the answer comes before proxies give up. The gateway's patience
/// is made from it.
pub const INLINE_TIMEOUT: Duration = Duration::from_secs(50);

/// Who waits for a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A caller, on an open request.
    Caller,
    /// A job, which may take its time.
    Job,
}

/// What is asked for.
pub(crate) struct Assignment {
    pub(crate) template: NoteTemplate,
    pub(crate) consultation_type: Option<&'static ConsultationType>,
    pub(crate) visit_reason: Option<Phi<String>>,
}

/// Why there is no note.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoNote {
    /// The engine has none.
    #[error("the engine wrote no note")]
    Engine(#[from] EngineError),
    /// The configured engine cannot be used.
    #[error("the configured engine cannot be used")]
    Misconfigured(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Writes a note with the configured engine. There is no other engine to fall back to: who asks for one that is down is
/// told so.
pub(crate) async fn write(
    app: &App,
    turns: Vec<Turn>,
    assignment: Assignment,
    waiting: Waiting,
) -> Result<Phi<GeneratedNote>, NoNote> {
    let Assignment { template, consultation_type, visit_reason } = assignment;
    let conversation = Conversation { turns, consultation_type, visit_reason };
    let template_id = template.id.clone();
    let (note, suggestions) = match &app.settings.scribe.credential {
        Some(credential) => {
            let engine = gemini(&app.settings.scribe, credential.clone(), app.random.clone(), waiting)?;
            engine.write_note(&conversation, &template).await?
        }
        None => extract(conversation, template).await?,
    };
    Ok(GeneratedNote::of(&note, &suggestions, &template_id, app.random.as_ref()))
}

/// Reading a long conversation is work for a processor, and sockets must not wait for it.
async fn extract(conversation: Conversation, template: NoteTemplate) -> Result<(DraftNote, Vec<Suggestion>), NoNote> {
    let runtime = tokio::runtime::Handle::current();
    let work = move || runtime.block_on(ExtractiveEngine.write_note(&conversation, &template));
    let written = tokio::task::spawn_blocking(work).await.map_err(|error| NoNote::Misconfigured(error.into()))?;
    Ok(written?)
}

fn gemini(
    settings: &ScribeSettings,
    credential: Credential,
    random: Arc<dyn Random>,
    waiting: Waiting,
) -> Result<GeminiEngine, NoNote> {
    let client = GeminiSettings::new(&settings.base_url, &settings.model, credential)
        .map_err(|error| NoNote::Misconfigured(error.into()))?;
    let client = match waiting {
        Waiting::Caller => client.with_timeout(INLINE_TIMEOUT).with_patience(1, Duration::ZERO),
        Waiting::Job => client,
    };
    let client = GeminiClient::new(client).map_err(|error| NoNote::Misconfigured(error.into()))?;
    Ok(GeminiEngine::new(client, random))
}

impl NoNote {
    /// Whether it may go well later.
    pub(crate) const fn is_retryable(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_retryable(),
            Self::Misconfigured(_) => false,
        }
    }

    /// What whoever asked is told. Nothing in it comes from the conversation.
    pub(crate) const fn message(&self) -> &'static str {
        match self {
            Self::Engine(EngineError::NothingToWrite) => "The chat has nothing that belongs into a note.",
            Self::Engine(EngineError::TooLong { .. }) => "The chat is too long for the engine that writes notes.",
            Self::Engine(error) if error.is_retryable() => {
                "The model that writes notes gave no usable answer. Please try again."
            }
            Self::Engine(EngineError::Model(connect::gemini::GeminiError::Blocked { .. })) => {
                "The model's filters refused this conversation. Please write the note by hand."
            }
            Self::Engine(_) | Self::Misconfigured(_) => {
                "The model that writes notes refuses. An administrator finds the cause in the log."
            }
        }
    }
}

impl From<NoNote> for ApiError {
    fn from(error: NoNote) -> Self {
        let message = error.message();
        match error {
            NoNote::Engine(EngineError::NothingToWrite | EngineError::TooLong { .. }) => Self::field("chatId", message),
            error if error.is_retryable() => Self::unavailable(message, error),
            error => {
                Self::new(Code::ExternalServiceError, message).with_status(StatusCode::BAD_GATEWAY).with_cause(error)
            }
        }
    }
}
