//! What was done, and whether it was right: reviews of emergency accesses.
//!
//! To add an operation: a file with its wire types, document, handler and tests, and a line in the routes of its part.

mod emergencies;

use web::Function;

/// The function.
pub fn function() -> Function {
    Function::new("audit").routes(emergencies::routes())
}
