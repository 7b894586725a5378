//! Accounts, sign-in, sessions and preferences: one file per operation, in the order of wire types, document, handler,
//! tests.
//!
//! What several operations need: `accounts` makes and opens accounts, `sessions` begins and ends sessions, `cookie`
//! carries the refresh token for browsers, `rules` says what may be in a field.

mod accounts;
mod cookie;
mod deliver_message;
mod end_session;
mod get_jwks;
mod get_my_preferences;
mod get_my_profile;
mod list_sessions;
mod login;
mod logout;
mod logout_all;
#[cfg(test)]
mod nothing_in_clear;
mod refresh;
mod register;
mod rules;
mod sessions;
#[cfg(test)]
mod testing;
mod update_my_preferences;
mod update_my_profile;
mod wire;

pub use accounts::{NewAccount, create_account};

use std::time::Duration;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function};

const EVERY_MINUTE: Duration = Duration::from_secs(60);

/// The function.
pub fn function() -> Function {
    Function::new("identity").routes(routes()).on("send-message", deliver_message::deliver_message).every(
        "chase-messages",
        EVERY_MINUTE,
        deliver_message::chase_messages,
    )
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(logout::logout))
        .routes(routes!(logout_all::logout_all))
        .routes(routes!(refresh::refresh_tokens))
        .routes(routes!(list_sessions::list_sessions))
        .routes(routes!(end_session::end_session))
        .routes(routes!(get_my_profile::get_my_profile, update_my_profile::update_my_profile))
        .routes(routes!(get_my_preferences::get_my_preferences, update_my_preferences::update_my_preferences))
        .routes(routes!(get_jwks::get_jwks))
}
