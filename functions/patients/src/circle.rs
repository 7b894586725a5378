//! Who may see a record, and who did: consents, emergencies, the accounts of patients and of those who act for them.

mod access_log;
mod access_words;
mod break_glass;
mod consent_view;
mod explain;
mod grant_consent;
mod grant_rules;
mod invite;
mod link_user;
mod list_consents;
mod people;
mod revoke_consent;
mod who_has_access;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::App;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(grant_consent::grant_consent, list_consents::list_consents))
        .routes(routes!(revoke_consent::revoke_consent))
        .routes(routes!(explain::explain_access))
        .routes(routes!(who_has_access::who_has_access))
        .routes(routes!(access_log::my_access_log))
        .routes(routes!(break_glass::break_glass))
        .routes(routes!(link_user::link_user))
}
