use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::{Message, UrgentMessage};

pub(super) fn asks() -> Vec<Ask> {
    vec![
        with("POST /api/v1/chats", &[], |scene| {
            let name = &scene.words.name;
            let body = json!({"type": "Care Team", "name": name, "patientId": scene.id("patientId"),
                              "participantIds": [scene.newcomer.id]});
            Made::body(body)
        }),
        plain("GET /api/v1/chats"),
        needing("GET /api/v1/chats/{chatId}", &[Message]),
        with("PUT /api/v1/chats/{chatId}", &[], |scene| Made::body(json!({"name": scene.words.name}))),
        plain("DELETE /api/v1/chats/{chatId}"),
        with("POST /api/v1/chats/{chatId}/pin", &[], |_| Made::body(json!({"pinned": true}))),
        with("PUT /api/v1/chats/{chatId}/membership", &[], |_| Made::body(json!({"muted": true}))),
        with("POST /api/v1/chats/{chatId}/participants", &[], |scene| Made::body(json!({"userId": scene.newcomer.id}))),
        plain("DELETE /api/v1/chats/{chatId}/participants/{userId}"),
        needing("GET /api/v1/chats/{chatId}/messages", &[Message]),
        with("POST /api/v1/chats/{chatId}/messages", &[], |scene| Made::body(json!({"content": scene.words.said}))),
        needing("POST /api/v1/chats/{chatId}/messages/read-all", &[Message]),
        with("GET /api/v1/chats/{chatId}/search", &[Message], |_| Made::query("q=cough")),
        needing("GET /api/v1/messages/{messageId}", &[Message]),
        with("PUT /api/v1/messages/{messageId}", &[Message], |scene| {
            Made::body(json!({"content": format!("{} And a fever.", scene.words.said)}))
        }),
        needing("DELETE /api/v1/messages/{messageId}", &[Message]),
        needing("GET /api/v1/messages/{messageId}/history", &[Message]),
        needing("POST /api/v1/messages/{messageId}/read", &[Message]),
        needing("GET /api/v1/messages/{messageId}/receipts", &[Message]),
        needing("POST /api/v1/messages/{messageId}/acknowledge", &[UrgentMessage]),
    ]
}
