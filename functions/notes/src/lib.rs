//! notes

use web::Function;

/// The function.
pub fn function() -> Function {
    Function::new("notes")
}
