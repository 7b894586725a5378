//! Two instances side by side.
