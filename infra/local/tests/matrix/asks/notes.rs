use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::{AiConsent, Job, Message, Note};

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /api/v1/templates"),
        plain("GET /api/v1/consultation-types"),
        with("POST /api/v1/clinical-notes", &[], |scene| {
            let body = json!({"chatId": scene.id("chatId"), "templateType": "soap", "isDraft": true,
                              "visitReason": scene.words.reason, "sections": {"subjective": scene.words.said}});
            Made::body(body)
        }),
        needing("GET /api/v1/clinical-notes/{noteId}", &[Note]),
        with("POST /api/v1/scribe/generate-note", &[Message, AiConsent], |scene| {
            let body = json!({"chatId": scene.id("chatId"), "templateType": "soap", "visitReason": scene.words.reason});
            Made::body(body)
        }),
        needing("GET /api/v1/scribe/jobs/{jobId}", &[Job]),
    ]
}
