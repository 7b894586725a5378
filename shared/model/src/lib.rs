//! What is stored: one file per document kind, its fields, which of them are personal data, its indexes, its predicates.

pub mod consultation_type;
pub mod note_template;
