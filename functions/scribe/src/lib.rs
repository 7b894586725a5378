//! The scribe: writes a clinical note from a conversation.

pub mod engine;
