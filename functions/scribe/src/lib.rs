//! The scribe: writes a clinical note from a conversation.

pub mod engine;

use web::Function;

/// The function.
pub fn function() -> Function {
    Function::new("scribe")
}
