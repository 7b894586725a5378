//! What was done, and whether it was right: the audit log, the job that seals it, and reviews of emergency accesses.
//!
//! How the log is made durable and cannot be altered unnoticed is in `shared/audit-tree/README.md`. To add an operation: a file
//! with its wire types, document, handler and tests, and a line in the routes of its part.

mod admin;
mod emergencies;
mod entry_view;
mod filter;
mod get_proof;
mod list_audit_logs;
mod seal_log;
#[cfg(test)]
mod testing;
mod verify_audit_log;

use std::time::Duration;

use audit_tree::Ledger;
use store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{ApiError, App, Code, Function, Need, Service};

const EVERY_MINUTE: Duration = Duration::from_secs(60);
/// Verifying a long log, and sealing after an outage.
const LONGEST_RUN: Duration = Duration::from_secs(300);

/// The function.
pub fn function() -> Function {
    Function::new("audit")
        .needs([Need::Checkpoints, Need::Signing])
        .service(Service::default().with_timeout(LONGEST_RUN))
        .routes(routes())
        .routes(emergencies::routes())
        .every("audit-seal", EVERY_MINUTE, seal_log::seal_log)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_logs::list_audit_logs))
        .routes(routes!(verify_audit_log::verify_audit_log))
        .routes(routes!(get_proof::get_proof))
}

/// The tree over a tenant's log.
fn ledger(app: &App, store: &Store) -> Ledger {
    Ledger::new(store.clone(), app.checkpoints.clone(), app.tokens.clone())
}

/// What a caller is told where the tree cannot be used.
fn tree_error(error: audit_tree::Error) -> ApiError {
    if error.is_retryable() {
        return ApiError::unavailable("The audit log cannot be read now. Please try again.", error);
    }
    let message = "The audit log is damaged here. An administrator finds the first thing that is wrong by GET /api/v1/audit-logs/verify.";
    ApiError::new(Code::InternalServerError, message).with_cause(error)
}
