//! What this function's tests have in common.
