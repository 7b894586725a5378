//! The API's document: complete, without names used twice, and the committed one is the code's.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "common/contract.rs"]
mod contract;

use std::collections::BTreeSet;

use consentmd::functions;
use contract::{Served, operations};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&functions::document().unwrap()).unwrap()
}

#[test]
fn it_has_every_operation_of_the_contract_and_no_other() {
    let document = document();
    let found: BTreeSet<String> = operations(&document).into_keys().collect();
    let rows = contract::rows();
    let promised: BTreeSet<String> =
        rows.iter().filter(|row| row.served == Served::Yes).map(|row| row.operation.clone()).collect();
    let unforeseen: Vec<_> = found.difference(&promised).collect();
    assert!(unforeseen.is_empty(), "in the document, and not served by infra/contract/operations.tsv: {unforeseen:?}");
    let missing: Vec<_> = promised.difference(&found).collect();
    assert!(missing.is_empty(), "served by infra/contract/operations.tsv, and not in the document: {missing:?}");
    let all: BTreeSet<&String> = rows.iter().map(|row| &row.operation).collect();
    assert_eq!(all.len(), rows.len(), "an operation has two rows in infra/contract/operations.tsv");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn operations_have_ids_tags_and_error_answers_of_their_own() {
    let document = document();
    let rows = contract::rows();
    let is_public = |name: &str| rows.iter().any(|row| row.operation == name && row.who == "public");
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "the operation id {id} is used twice, at last by {name}");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        if name.contains("/api/v1/") {
            let errors = operation["responses"].as_object().unwrap();
            assert!(["400", "401", "404", "500"].iter().all(|status| errors.contains_key(*status)), "{name}");
            let wants_token = operation["security"].is_array();
            assert_eq!(wants_token, !is_public(&name), "{name}: the contract and the document differ on the token");
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
