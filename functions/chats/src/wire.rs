//! Wire types that several operations share.
