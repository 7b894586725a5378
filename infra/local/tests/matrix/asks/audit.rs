use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::{Entry, Review};

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /api/v1/audit-logs"),
        needing("GET /api/v1/audit-logs/verify", &[Entry]),
        needing("GET /api/v1/audit-logs/{entryId}/proof", &[Entry]),
        needing("GET /api/v1/break-glass/reviews", &[Review]),
        with("POST /api/v1/break-glass/reviews/{reviewId}", &[Review], |scene| {
            Made::body(json!({"decision": "justified", "comment": scene.words.said}))
        }),
    ]
}
