use axum::extract::FromRequestParts;
use http::request::Parts;
use web::{ApiError, App, Caller};

/// A caller who is a verified administrator. As an extractor it refuses all others, and the log has that too.
pub(crate) struct Admin(pub(crate) Caller);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        if is_admin(&caller) {
            return Ok(Self(caller));
        }
        caller.trail.action("audit.read").denied("no-administrator");
        Err(ApiError::forbidden("Only administrators of the clinic may read the audit log."))
    }
}

/// Whether the caller may see the whole log.
pub(crate) const fn is_admin(caller: &Caller) -> bool {
    caller.principal.role.is_admin() && caller.principal.verified
}
