//! What a function's HTTP side is made of: the application's parts, the caller, strict bodies and queries, the error
//! envelope, paging, idempotency keys, and the [`Function`] value that the runtime serves.
//!
//! To add an operation, follow `functions/README.md`; `functions/chats/src/send_message.rs` is the model.

mod app;
mod caller;
mod error;
mod extract;
mod function;
mod idempotency;
mod limits;
mod openapi;
mod outside;
mod page;
mod service;
mod sessions;
mod settings;
mod tenants;
mod trail;

pub use app::{App, Parts};
pub use caller::{Caller, ClientInfo, SignInTenant};
pub use error::{ApiError, Code, ErrorBody, render_errors};
pub use extract::{Json, Path, Query, read_json};
pub use function::{EventHandler, Function, Job, Schedule, needs_of};
pub use idempotency::{NotKept, ShowsAgain, idempotency, idempotency_keys};
pub use limits::{Limits, RateLimits, limit};
pub use openapi::{Problems, document};
pub use outside::{NobodyElse, OutsideSignIn, built_in_sign_in, signs_in_here};
pub use page::{Listed, PageQuery, Pagination, decode_cursor, encode_cursor};
pub use service::{Need, Needs, Service};
pub use sessions::SessionGate;
pub use settings::{ScribeSettings, Settings};
pub use tenants::Tenants;
pub use trail::{Entry, Record, RequestId, Trail, audit};
