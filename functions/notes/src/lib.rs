//! Clinical notes: their templates, the kinds of consultation, notes with the evidence they rest on.
//!
//! To add an operation: a file with its wire types, document, handler and tests, and a line in `routes`.

mod content;
mod create_note;
mod get_note;
mod list_consultation_types;
mod list_templates;

use kernel::NoteId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::Place;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("notes").routes(routes())
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_templates::list_templates))
        .routes(routes!(list_consultation_types::list_consultation_types))
        .routes(routes!(create_note::create_note))
        .routes(routes!(get_note::get_note))
}

/// Where a note's sealed fields stand: `body` and `visitReason`.
fn note_place<'a>(tenant: &'a kernel::TenantId, id: &'a NoteId) -> Place<'a> {
    Place::new(tenant, "notes", id.as_str(), "body")
}

/// A note's version as a header.
fn etag(version: u32) -> [(http::HeaderName, String); 1] {
    [(http::header::ETAG, format!("\"{version}\""))]
}
