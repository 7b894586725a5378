//! Everything live over sockets: plain WebSocket frames at `/ws`, Socket.IO at `/socket.io/`.
//!
//! - Every user has an inbox, an ordered log of what the user is told. [`fan_out`] and [`events_heard`] write into it,
//!   from events; it is the one source both of live delivery and of catching up.
//! - A [`connection`] stands at a number in its user's inbox. Woken by a signal through the [`hub`], it reads what came
//!   after, shows of it what its user may see at that moment ([`render`]) and moves on.
//! - A client that comes back names the last event id it has and gets what it missed.
//!
//! To add something that users are told: a variant of `model::inbox::Told`, a handler in `events_heard.rs` that tells
//! it, and its frame in `render.rs`. To add something a client asks for: a variant of `command::Command` and its arm in
//! `perform.rs`.

mod catch_up;
mod closing;
mod command;
mod connection;
mod event_id;
mod events_heard;
mod fan_out;
mod followed;
mod hub;
mod inboxes;
mod perform;
mod render;
mod shelf;
mod socket_io;
mod websocket;

use std::sync::Arc;

use web::{Function, Need, Service};

use crate::hub::Hub;

/// The function.
pub fn function() -> Function {
    let hub = Arc::new(Hub::default());
    let (socket_io, io) = socket_io::routes(&hub);
    Function::new("realtime")
        .needs([Need::Live])
        .service(Service::of_sockets())
        .raw_routes(websocket::routes(hub.clone()))
        .raw_routes(socket_io)
        .on("realtime-fan-out", fan_out::fan_out)
        .on("realtime-read", events_heard::read)
        .on("realtime-acknowledged", events_heard::acknowledged)
        .on("realtime-notified", events_heard::notified)
        .on("realtime-scribe-job-ended", events_heard::scribe_job_ended)
        .on("realtime-sessions-ended", events_heard::sessions_ended)
        .on_stop(move |_| {
            let (hub, io) = (hub.clone(), io.clone());
            async move {
                hub.close().await;
                io.close().await;
            }
        })
}
