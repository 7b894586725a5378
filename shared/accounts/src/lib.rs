//! What several functions do with accounts: wanting a message to a user, one-time tokens, counting failed attempts, and
//! asking a signed-in user for the second factor before something that matters.
//!
//! - Before signing a note or breaking the glass: [`step_up`].
//! - To tell a user something by e-mail or SMS: [`Letter`].
//! - For a link that is good once: [`OneTime`].

mod attempts;
mod ending;
mod letter;
mod one_time;
mod outside;
mod second_factor;
mod step_up;
mod words;

pub use attempts::{Counter, fail, locked, network, too_many, too_many_messages};
pub use ending::end_sessions_until;
pub use letter::{Letter, Opened, Posted, open_letter};
pub use one_time::{OneTime, Presented};
pub use outside::Outsiders;
pub use second_factor::{Factor, SharedSecret, backup_codes};
pub use step_up::{Failure, Proof, prove, step_up, verify_password};
pub use words::search_words;
