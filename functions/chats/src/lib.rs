//! Chats and messages over REST: one file per operation, in the order of wire types, document, handler, tests.
//!
//! What realtime and the scribe also need is in `shared/conversations`.

mod send_message;
mod wire;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("chats").routes(routes())
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send_message::send_message))
}
