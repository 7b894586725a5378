//! The API's document: complete, without names used twice, and the committed one is the code's.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use consentmd::functions;
use serde_json::Value;

/// The operations that are built, by function.
const BUILT: &[(&str, &[&str])] = &[
    (
        "identity",
        &[
            "POST /api/v1/auth/register",
            "POST /api/v1/auth/login",
            "POST /api/v1/auth/logout",
            "POST /api/v1/auth/refresh",
            "GET /api/v1/auth/sessions",
            "DELETE /api/v1/auth/sessions/{sessionId}",
            "POST /api/v1/auth/logout-all",
            "GET /.well-known/jwks.json",
            "GET /api/v1/users/me",
            "PUT /api/v1/users/me",
            "GET /api/v1/users/me/preferences",
            "PUT /api/v1/users/me/preferences",
        ],
    ),
    (
        "chats",
        &[
            "POST /api/v1/chats",
            "GET /api/v1/chats",
            "GET /api/v1/chats/{chatId}",
            "PUT /api/v1/chats/{chatId}",
            "DELETE /api/v1/chats/{chatId}",
            "POST /api/v1/chats/{chatId}/pin",
            "PUT /api/v1/chats/{chatId}/membership",
            "POST /api/v1/chats/{chatId}/participants",
            "DELETE /api/v1/chats/{chatId}/participants/{userId}",
            "GET /api/v1/chats/{chatId}/messages",
            "POST /api/v1/chats/{chatId}/messages",
            "POST /api/v1/chats/{chatId}/messages/read-all",
            "GET /api/v1/chats/{chatId}/search",
            "GET /api/v1/messages/{messageId}",
            "PUT /api/v1/messages/{messageId}",
            "DELETE /api/v1/messages/{messageId}",
            "GET /api/v1/messages/{messageId}/history",
            "POST /api/v1/messages/{messageId}/read",
            "GET /api/v1/messages/{messageId}/receipts",
            "POST /api/v1/messages/{messageId}/acknowledge",
        ],
    ),
    (
        "notifications",
        &[
            "GET /api/v1/notifications",
            "GET /api/v1/notifications/unread/count",
            "PUT /api/v1/notifications/{notificationId}/read",
            "PUT /api/v1/notifications/read-all",
        ],
    ),
    (
        "notes",
        &[
            "GET /api/v1/templates",
            "GET /api/v1/consultation-types",
            "POST /api/v1/clinical-notes",
            "GET /api/v1/clinical-notes/{noteId}",
        ],
    ),
    ("scribe", &["POST /api/v1/scribe/generate-note", "GET /api/v1/scribe/jobs/{jobId}"]),
    ("ops", &["GET /health", "GET /health/live", "GET /health/ready"]),
];

fn document() -> Value {
    serde_json::from_str(&functions::document().unwrap()).unwrap()
}

/// Each operation: "METHOD path", and what the document says of it.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    all
}

#[test]
fn every_operation_is_in_it_and_no_other() {
    let document = document();
    let found: BTreeSet<String> = operations(&document).into_keys().collect();
    let built: BTreeSet<String> = BUILT.iter().flat_map(|(_, list)| *list).map(|name| (*name).to_owned()).collect();
    assert_eq!(found, built);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn operations_have_ids_tags_and_error_answers_of_their_own() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "the operation id {id} is used twice, at last by {name}");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        if name.contains("/api/v1/") {
            let errors = operation["responses"].as_object().unwrap();
            assert!(["400", "401", "404", "500"].iter().all(|status| errors.contains_key(*status)), "{name}");
            let public = ["register", "login", "refresh"].iter().any(|end| name.ends_with(end));
            assert!(public || operation["security"].is_array(), "{name} does not say that it wants a token");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "the schema {name} is missing");
    }
}

#[test]
fn handlers_and_schedules_have_names_of_their_own() {
    functions::check_names(&functions::all()).unwrap();
}

#[test]
fn the_committed_document_is_the_codes() {
    let committed = include_str!("../../openapi.json");
    let made = functions::document().unwrap();
    let differs = committed.lines().zip(made.lines()).enumerate().find(|(_, (old, new))| old != new);
    assert!(committed == made, "infra/openapi.json differs, first at {differs:?}: run `make generate` and commit it");
}
