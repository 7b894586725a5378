//! The document store on SQLite: one file per tenant, one writer that commits in groups, readers beside it.
//!
//! `backend` is the port's side, `engine` one open database, `writer` its thread. `schema` makes tables and indexes,
//! `sql` turns a query into a statement, `read` carries statements out. To let queries use another index, declare it
//! beside its collection and pass it at opening; nothing here names a collection.

mod backend;
mod engine;
mod error;
mod files;
mod place;
mod read;
mod schema;
mod sql;
mod writer;

pub use backend::SqliteBackend;
pub use schema::Declared;
