//! A patient's chart, for someone who may see it. The one way to a [`Patient`]: whatever is shown of a record, sent
//! about it or done with it passes [`Asking::decide`], which asks [`access::decision::decide`] with the record as it is
//! at that moment, and leaves on the request's trail whose record it was and why it was allowed.
//!
//! In a handler: `Asking::of(&app, &caller).open(&id, &Action::Read(DataKind::Vitals)).await?`. In a transaction, where
//! a change of the circle must not slip between: `asking.enter(&tx, &id, &action).await?`.

mod again;
mod asking;
mod birth;
mod places;

pub use again::WhileTiesLast;
pub use asking::{Asking, OpenChart, is_of_age};
pub use birth::{BirthDate, InvalidBirthDate};
pub use places::{ChartPlaces, mrn_index, review_place};
