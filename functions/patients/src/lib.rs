//! Patients: who they are, what is in their charts, and who may see them.
//!
//! Every operation opens a chart by [`charts::Asking`] and says on the caller's trail what it does. To add one: a file
//! with its wire types, document, handler and tests, and a line in the routes of its part.

mod circle;
mod own_record;
#[cfg(test)]
mod testing;

use utoipa_axum::router::OpenApiRouter;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("patients").routes(chart_routes()).routes(circle::routes())
}

/// Identity, diagnoses, medications, allergies, conditions and vitals.
fn chart_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
