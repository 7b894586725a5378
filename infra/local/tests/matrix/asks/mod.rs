//! How each operation is asked, one file per function.
//!
//! Path parameters are the scene's ids of the same names, so an operation without a body and without needs has no more than
//! its name here. Bodies are valid, with the scene's words in every free text.

mod audit;
mod chats;
mod consents;
mod identity;
mod notes;
mod notifications;
mod patients;
mod users;

pub(crate) use users::address;

use serde_json::Value;

use crate::scene::{Scene, Thing};

/// How an operation is asked.
pub(crate) struct Ask {
    /// `METHOD /path`.
    pub(crate) operation: &'static str,
    /// What its scene has beside the patient and the chat.
    pub(crate) needs: &'static [Thing],
    /// The request.
    pub(crate) made: fn(&Scene) -> Made,
}

/// A request but for its method and path.
#[derive(Default)]
pub(crate) struct Made {
    /// After the `?`.
    pub(crate) query: String,
    /// The body.
    pub(crate) body: Option<Value>,
    /// A body that is no JSON: its type and bytes.
    pub(crate) file: Option<(&'static str, Vec<u8>)>,
    /// The version that the caller has seen.
    pub(crate) if_match: Option<&'static str>,
}

impl Made {
    fn body(body: Value) -> Self {
        Self { body: Some(body), ..Self::default() }
    }

    /// A change of what is in its first version.
    fn change(body: Value) -> Self {
        Self { if_match: Some("\"1\""), ..Self::body(body) }
    }

    fn query(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }
}

fn plain(operation: &'static str) -> Ask {
    needing(operation, &[])
}

fn needing(operation: &'static str, needs: &'static [Thing]) -> Ask {
    Ask { operation, needs, made: |_| Made::default() }
}

fn with(operation: &'static str, needs: &'static [Thing], made: fn(&Scene) -> Made) -> Ask {
    Ask { operation, needs, made }
}

/// Every operation.
pub(crate) fn all() -> Vec<Ask> {
    let mut all = vec![plain("GET /health"), plain("GET /health/live"), plain("GET /health/ready")];
    for part in [
        identity::asks(),
        users::asks(),
        patients::asks(),
        consents::asks(),
        chats::asks(),
        notifications::asks(),
        notes::asks(),
        audit::asks(),
    ] {
        all.extend(part);
    }
    all
}

/// The path with the scene's ids in the places of its parameters.
pub(crate) fn path(operation: &str, scene: &Scene) -> String {
    let (_, template) = operation.split_once(' ').unwrap();
    let parts = template.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => scene.id(name),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}
