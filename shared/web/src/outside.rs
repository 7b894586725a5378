//! People for whom an outside issuer vouches, and whether they may also sign in here.

use access::Principal;
use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{ApiError, App, ClientInfo};

/// Turns tokens of outside issuers into callers: checks them, and finds or makes their accounts and sessions.
#[async_trait]
pub trait OutsideSignIn: Send + Sync {
    /// Who speaks with this token; `None` where it is of no issuer that is trusted. The session of the answer still has to
    /// be asked for, as any other.
    async fn principal(&self, app: &App, token: &str, client: &ClientInfo) -> Result<Option<Principal>, ApiError>;
}

/// For an application that trusts nobody else.
#[derive(Debug, Clone, Copy)]
pub struct NobodyElse;

#[async_trait]
impl OutsideSignIn for NobodyElse {
    async fn principal(&self, _: &App, _: &str, _: &ClientInfo) -> Result<Option<Principal>, ApiError> {
        Ok(None)
    }
}

const AUTH: &str = "/api/v1/auth/";
/// What sessions need whoever began them.
const FOR_ALL: [&str; 3] = ["logout", "logout-all", "sessions"];

/// The middleware of `BUILT_IN_SIGN_IN=false`: who wants to sign in, register or change a password here is told where to.
pub async fn built_in_sign_in(State(app): State<App>, request: Request, next: Next) -> Response {
    let operation = request.uri().path().strip_prefix(AUTH).and_then(|rest| rest.split('/').next());
    match operation {
        Some(operation) if !FOR_ALL.contains(&operation) => match signs_in_here(&app) {
            Ok(()) => next.run(request).await,
            Err(elsewhere) => elsewhere.into_response(),
        },
        _ => next.run(request).await,
    }
}

/// Refuses what makes sense only where people sign in here, and says where they do.
pub fn signs_in_here(app: &App) -> Result<(), ApiError> {
    if app.settings.built_in_sign_in { Ok(()) } else { Err(elsewhere(app)) }
}

fn elsewhere(app: &App) -> ApiError {
    match app.settings.outside.sign_in_url() {
        Some(url) => {
            let told = format!("Accounts are kept elsewhere: sign in at {url} and send the token that it gives.");
            ApiError::forbidden(told).detail("signInUrl", url)
        }
        None => ApiError::forbidden("Accounts are kept elsewhere: sign in there and send the token that it gives."),
    }
}
