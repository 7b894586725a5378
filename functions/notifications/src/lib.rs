//! In-app notifications: made from events, exactly one for each recipient, and shown by the rules of the moment at
//! which they are read.
//!
//! To add a kind of notification: a file like `notify_of_message.rs` with an event handler, and an id that follows from
//! what it tells of, so that a second delivery makes no second one.

mod list_notifications;
mod notify_of_emergency;
mod notify_of_message;
mod read_all_notifications;
mod read_notification;
mod unread_notifications;

use model::event::{ChatLogGrew, GlassBroken};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("notifications")
        .routes(routes())
        .on::<ChatLogGrew, _, _>("notifications-message", notify_of_message::notify_of_message)
        .on::<GlassBroken, _, _>("notifications-emergency", notify_of_emergency::notify_of_emergency)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_notifications::list_notifications))
        .routes(routes!(unread_notifications::count_unread_notifications))
        .routes(routes!(read_all_notifications::read_all_notifications))
        .routes(routes!(read_notification::read_notification))
}
