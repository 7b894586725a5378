//! The scribe: writes a clinical note from a conversation, inline or as a job.
//!
//! `transcript` reads what was said, an engine of [`engine`] writes, `draft` is what comes of it on the wire. Whether
//! inline or as a job, the same three do the work; see `generate_note` and `write_note`.

mod draft;
pub mod engine;
mod generate_note;
mod get_job;
mod transcript;
mod write_note;
mod writer;

use std::time::Duration;

use kernel::{JobId, TenantId};
use model::event::ScribeJobRequested;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::Place;
use web::{App, Function, Need, Service};

/// More than a model may take in a job: three attempts of a minute, and 20 s between them.
const JOB_TIMEOUT: Duration = Duration::from_secs(300);

pub use crate::writer::INLINE_TIMEOUT;

/// The function.
pub fn function() -> Function {
    Function::new("scribe")
        .needs([Need::Model])
        .service(Service::default().with_timeout(JOB_TIMEOUT))
        .routes(routes())
        .on::<ScribeJobRequested, _, _>("scribe-write-note", write_note::write_note)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(generate_note::generate_note)).routes(routes!(get_job::get_scribe_job))
}

/// Where a job's sealed fields stand: `result` and `visitReason`.
fn job_place<'a>(tenant: &'a TenantId, id: &'a JobId) -> Place<'a> {
    Place::new(tenant, "scribe-jobs", id.as_str(), "result")
}
