//! temporary
use kernel::{TenantId, UserId};
use web::{ApiError, App};
pub(crate) async fn url(_: &App, _: &TenantId, _: &UserId, _: Option<&str>) -> Result<Option<String>, ApiError> {
    Ok(None)
}
