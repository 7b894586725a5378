//! The suite on files and in memory, and what only this backend promises.

mod conformance;
