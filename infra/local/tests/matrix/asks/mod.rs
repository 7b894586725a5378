//! How each operation is asked, one file per function.
//!
//! Path parameters are the scene's ids of the same names, so an operation without a body and without needs has no more than
//! its name here. Bodies are minimal and valid, with the scene's words in every free text.

mod chats;
mod identity;
mod notes;
mod notifications;

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
    /// Other headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Made {
    fn body(body: Value) -> Self {
        Self { body: Some(body), ..Self::default() }
    }

    fn query(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }
}

const fn plain(operation: &'static str) -> Ask {
    needing(operation, &[])
}

const fn needing(operation: &'static str, needs: &'static [Thing]) -> Ask {
    Ask { operation, needs, made: |_| Made { query: String::new(), body: None, headers: Vec::new() } }
}

const fn with(operation: &'static str, needs: &'static [Thing], made: fn(&Scene) -> Made) -> Ask {
    Ask { operation, needs, made }
}

/// Every operation.
pub(crate) fn all() -> Vec<Ask> {
    let ops = [plain("GET /health"), plain("GET /health/live"), plain("GET /health/ready")];
    ops.into_iter().chain(identity::asks()).chain(chats::asks()).chain(notifications::asks()).chain(notes::asks()).collect()
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
