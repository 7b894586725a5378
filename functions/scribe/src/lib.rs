//! Notes written from conversations.

use web::Function;

/// The function.
pub fn function() -> Function {
    Function::new("scribe")
}
