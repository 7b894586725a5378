//! Work that the scribe does after it has answered.

use std::time::Duration;

use kernel::{ChatId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// A note that is being written. Sealed under the chat's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScribeJob {
    /// Who asked; nobody else sees the job.
    pub requested_by: UserId,
    /// From which chat.
    pub chat_id: ChatId,
    /// Which template.
    pub template_type: String,
    /// What kind of consultation.
    pub consultation_type: Option<String>,
    /// Sealed: why the patient came.
    pub visit_reason: Option<Sealed>,
    /// How it stands.
    pub state: JobState,
    /// What it went through, oldest first.
    pub stages: Vec<Stage>,
    /// Sealed: the answer in JSON, once there is one.
    pub result: Option<Sealed>,
    /// Why it failed, in words that tell nothing of the conversation.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting for its turn.
    Queued,
    /// At work.
    Running,
    /// Done; there is a result.
    Succeeded,
    /// Given up; there is an error.
    Failed,
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Which: `queued`, `reading`, `writing`, `done` or `failed`.
    pub name: String,
    /// Since when.
    pub at: Time,
}

/// For how long a job and its result are kept.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

impl ScribeJob {
    /// Whether nothing more will happen to it.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, JobState::Succeeded | JobState::Failed)
    }

    /// Enters a step.
    pub fn enter(&mut self, stage: &str, at: Time) {
        self.stages.push(Stage { name: stage.to_owned(), at });
        self.updated_at = at;
    }

    /// When it may be removed. Every write of a job says so again.
    pub fn expires_at(&self) -> Time {
        self.created_at.plus(KEPT)
    }
}

/// Jobs, by job id.
pub const SCRIBE_JOBS: Collection<ScribeJob> = Collection::top("scribe-jobs", &[]).expiring();
