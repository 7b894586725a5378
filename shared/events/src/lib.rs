//! Domain events: written in the same commit as the data they tell of, published after it, handled at least once and
//! with effect once.
//!
//! - A handler of a request calls [`Emit::emit`] on its transaction; the event becomes a document of the outbox.
//! - After the commit [`Outbox`] gives it to the [`Bus`]; what stayed behind is found by [`sweep`].
//! - The bus runs [`Handlers`]; a handler's transaction calls [`Delivery::mark`], so that a second delivery changes
//!   nothing.
//! - [`Live`] carries what need not survive: that an inbox grew, that someone types.

mod delivery;
mod in_process;
mod live;
mod outbox;

pub use delivery::{Delivery, Failure, Handler, Handlers, Outcome};
pub use in_process::{InProcessBus, InProcessLive, OpenStore};
pub use live::{Live, LiveError, Signal, SignalKind};
pub use outbox::{Bus, Emit, Occurred, Outbox, PublishError, sweep};
