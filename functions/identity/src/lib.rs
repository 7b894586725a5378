//! Accounts, sign-in, sessions and preferences: one file per operation, in the order of wire types, document, handler,
//! tests.
//!
//! What several operations need: `accounts` makes and opens accounts, `sessions` begins and ends sessions, `cookie`
//! carries the refresh token for browsers, `rules` says what may be in a field, `sign_in` is what all ways of signing in
//! have in common, `mail` has the letters and `deliver_message` sends them; `admin` says who administers whom,
//! `invitations` makes accounts for others, `user_view` shows them, `acquainted` says who may see a person's card.

mod accounts;
mod acquainted;
mod add_address;
mod addresses;
mod admin;
mod avatars;
mod change_password;
mod cookie;
mod create_user;
mod delete_user;
mod deliver_message;
mod disable_mfa;
mod enable_mfa;
mod end_session;
mod first_admin;
mod forgot_password;
mod get_jwks;
mod get_my_preferences;
mod get_my_profile;
mod get_user;
#[cfg(test)]
mod idle;
mod invitations;
mod list_addresses;
mod list_sessions;
mod list_users;
#[cfg(test)]
mod locks;
mod login;
mod logout;
mod logout_all;
mod mail;
#[cfg(test)]
mod nothing_in_clear;
#[cfg(test)]
mod outside_sign_in;
mod qr;
mod refresh;
mod register;
mod remove_address;
mod request_otp;
mod resend_otp;
mod reset_password;
mod rewrap_data_keys;
mod rules;
mod send_code;
mod sessions;
mod sign_in;
#[cfg(test)]
mod testing;
mod throttle;
mod update_address;
mod update_my_avatar;
mod update_my_preferences;
mod update_my_profile;
mod update_user;
mod user_activity;
mod user_view;
mod verify_email;
mod verify_mfa;
mod verify_otp;
mod wire;

pub use accounts::{NewAccount, create_account};
pub use invitations::{Invited, invite};

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function, Need, Service};

/// What a form needs around its file.
const FORM_BYTES: usize = 64 * 1024;
const EVERY_MINUTE: Duration = Duration::from_secs(60);
/// Wrapping data keys again, of all tenants.
const LONGEST_RUN: Duration = Duration::from_secs(300);
const EVERY_TEN_MINUTES: Duration = Duration::from_secs(600);
const EVERY_HOUR: Duration = Duration::from_secs(3600);

/// The function.
pub fn function() -> Function {
    Function::new("identity")
        .needs([Need::Files, Need::Signing])
        .service(Service::default().with_timeout(LONGEST_RUN))
        .routes(routes())
        .on("send-verification", verify_email::send_verification)
        .on("send-password-reset", forgot_password::send_password_reset)
        .on("after-password-change", reset_password::after_password_change)
        .on("send-code", send_code::send_code)
        .on("send-message", deliver_message::deliver_message)
        .every("chase-messages", EVERY_MINUTE, deliver_message::chase_messages)
        .on("end-outdated-sessions", update_user::end_outdated_sessions)
        .every("invite-first-admin", EVERY_TEN_MINUTES, first_admin::invite_where_missing)
        .on_start(first_admin::invite_soon)
        .every("rewrap-data-keys", EVERY_HOUR, rewrap_data_keys::rewrap_data_keys)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(logout::logout))
        .routes(routes!(logout_all::logout_all))
        .routes(routes!(refresh::refresh_tokens))
        .routes(routes!(verify_email::verify_email))
        .routes(routes!(forgot_password::forgot_password))
        .routes(routes!(reset_password::reset_password))
        .routes(routes!(change_password::change_password))
        .routes(routes!(request_otp::request_otp))
        .routes(routes!(resend_otp::resend_otp))
        .routes(routes!(verify_otp::verify_otp))
        .routes(routes!(enable_mfa::enable_mfa))
        .routes(routes!(enable_mfa::enable_mfa_alias))
        .routes(routes!(verify_mfa::verify_mfa))
        .routes(routes!(verify_mfa::verify_mfa_alias))
        .routes(routes!(disable_mfa::disable_mfa))
        .routes(routes!(list_sessions::list_sessions))
        .routes(routes!(end_session::end_session))
        .routes(routes!(get_my_profile::get_my_profile, update_my_profile::update_my_profile))
        .routes(routes!(get_my_preferences::get_my_preferences, update_my_preferences::update_my_preferences))
        .merge(uploads())
        .routes(routes!(list_addresses::list_addresses, add_address::add_address))
        .routes(routes!(update_address::update_address, remove_address::remove_address))
        .routes(routes!(list_users::list_users, create_user::create_user))
        .routes(routes!(get_user::get_user, update_user::update_user, delete_user::delete_user))
        .routes(routes!(user_activity::user_activity))
        .routes(routes!(get_jwks::get_jwks))
}

/// Operations that take more than other bodies may have.
fn uploads() -> OpenApiRouter<App> {
    let most_bytes = avatars::MOST_BYTES + FORM_BYTES;
    OpenApiRouter::new().routes(routes!(update_my_avatar::update_my_avatar)).layer(DefaultBodyLimit::max(most_bytes))
}
