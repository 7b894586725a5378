//! Compares a medicine with what a chart says: with allergies, by name, ingredient, class and cross-reacting class; with
//! the other medications, by name, ingredient and class. It never ends in silence: what could not be compared is said.
//!
//! The table is small and our own, and says so wherever a name is not in it. It knows no doses, interactions, excipients
//! or vaccines. To add a medicine: a line in `table::SUBSTANCES` with its ATC code, from which its classes follow.

mod check;
mod recognise;
mod table;

pub(crate) use check::{Others, Subject, check, has_severe_alert, not_active, says_nothing_worse};
