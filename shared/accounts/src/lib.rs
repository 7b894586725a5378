//! What several functions do with accounts: wanting a message to a user, one-time tokens, and asking for a second factor
//! before something that matters.

mod ending;
mod letter;
mod one_time;
mod outside;
mod words;

pub use ending::end_sessions_until;
pub use letter::{Letter, Opened, Posted, open_letter};
pub use one_time::{OneTime, Presented};
pub use outside::Outsiders;
pub use words::search_words;
