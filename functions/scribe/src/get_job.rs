use axum::extract::State;
use charts::Asking;
use conversations::open;
use kernel::{JobId, Phi, Time};
use model::scribe_job::{JobState, SCRIBE_JOBS, ScribeJob, Stage};
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use crate::draft::GeneratedNote;
use crate::job_place;

/// A note that is being written, was written, or could not be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScribeJobView {
    /// The job.
    id: JobId,
    /// `queued`, `running`, `succeeded` or `failed`.
    #[schema(value_type = String, example = "succeeded")]
    state: JobState,
    /// What it went through, oldest first.
    stages: Vec<ScribeJobStage>,
    /// Why it failed.
    #[schema(example = json!(null))]
    error: Option<String>,
    /// The note, once it is written.
    result: Option<GeneratedNote>,
    /// When it was asked for.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
}

/// A step of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScribeJobStage {
    /// `queued`, `reading`, `writing`, `done` or `failed`.
    #[schema(example = "writing")]
    name: String,
    /// Since when.
    at: Time,
}

impl From<Stage> for ScribeJobStage {
    fn from(stage: Stage) -> Self {
        Self { name: stage.name, at: stage.at }
    }
}

/// Get a scribe job
///
/// For who asked for it. The note is shown as long as the caller may see its chat.
#[utoipa::path(
    get, path = "/api/v1/scribe/jobs/{jobId}", tag = "scribe", security(("bearer" = [])),
    params(("jobId" = JobId, Path, description = "The job")),
    responses((status = 200, body = ScribeJobView, description = "The job"), Problems),
)]
pub(crate) async fn get_scribe_job(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Json<ScribeJobView>, ApiError> {
    caller.trail.action("scribe.job-read").entity("scribe-job", &id);
    caller.must_see_phi()?;
    let found = caller.store.get(&SCRIBE_JOBS, id.as_str()).await?.map(|doc| doc.value);
    let job =
        found.filter(|job| job.requested_by == *caller.user()).ok_or_else(|| ApiError::not_found("scribe job"))?;
    let (result, hidden) = match result(&app, &caller, &id, &job).await {
        Ok(result) => (result.map(Phi::into_disclosed), None),
        Err(error) if error.code() == Code::NotFound => (None, Some("You may no longer see this chat.".to_owned())),
        Err(error) => return Err(error),
    };
    Ok(Json(ScribeJobView {
        id,
        state: job.state,
        stages: job.stages.into_iter().map(Into::into).collect(),
        error: job.error.or(hidden),
        result,
        created_at: job.created_at,
        updated_at: job.updated_at,
    }))
}

/// The note, for someone who may see its chat. A named disclosure.
async fn result(
    app: &App,
    caller: &Caller,
    id: &JobId,
    job: &ScribeJob,
) -> Result<Option<Phi<GeneratedNote>>, ApiError> {
    let Some(sealed) = &job.result else { return Ok(None) };
    let open = open(&Asking::of(app, caller), &job.chat_id).await?;
    Ok(Some(open.key.open_json(&job_place(caller.tenant(), id), sealed)?))
}
