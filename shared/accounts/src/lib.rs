//! What several functions do with accounts: wanting a message to a user, one-time tokens, and asking for a second factor
//! before something that matters.

mod letter;
mod one_time;

pub use letter::{Letter, Opened, Posted, open_letter};
pub use one_time::{OneTime, Presented};
