//! Vital signs: what a measurement can be, what it is converted from, and what is abnormal at which age.

mod flags;
mod limits;
mod ranges;
mod view;

pub(crate) use limits::{VitalsInput, read};
pub(crate) use view::VitalsView;
