//! Every operation, asked by every role in every relation to what it is about: does it answer what
//! `infra/contract/access.tsv` says, does it hide what must be hidden, and does it leave its entry in the audit log?
//!
//! To add an operation: its line in `infra/contract/access.tsv`, and how it is asked in `asks`.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod asks;
mod canary;
#[path = "../common/contract.rs"]
mod contract;
mod expected;
mod making;
mod run;
mod scene;
#[path = "../common/secrets.rs"]
mod secrets;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consentmd::functions;
use kernel::Role;
use scene::{Relation, World};
use serde_json::Value;
use testkit::TestApp;

#[test]
fn every_operation_has_its_line_and_its_question() {
    let document: Value = serde_json::from_str(&functions::document().unwrap()).unwrap();
    let operations = contract::operations(&document);
    let lines: Vec<String> = expected::table().into_iter().map(|line| line.operation).collect();
    let asked: Vec<&str> = asks::all().into_iter().map(|ask| ask.operation).collect();
    for operation in operations.keys() {
        assert!(lines.contains(operation), "{operation} has no line in infra/contract/access.tsv");
        assert!(asked.contains(&operation.as_str()), "{operation} is not in infra/local/tests/matrix/asks");
    }
    for operation in lines.iter().map(String::as_str).chain(asked.iter().copied()) {
        assert!(operations.contains_key(operation), "{operation} is expected or asked, and not in the API's document");
    }
    let unique: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(unique.len(), lines.len(), "an operation has two lines in infra/contract/access.tsv");
    let unique: BTreeSet<&&str> = asked.iter().collect();
    assert_eq!(unique.len(), asked.len(), "an operation is asked twice in infra/local/tests/matrix/asks");
}

/// What is for more people than the contract says.
const WIDER: [&str; 2] = [
    // Everyone lists the patients whom the decision shows: admins all, patients themselves.
    "GET /api/v1/patients",
    // For staff it makes the code; with the code, patients and their families tie their accounts.
    "POST /api/v1/patients/{patientId}/link-user",
];

#[test]
fn the_table_agrees_with_the_contract_on_whom_it_is_for() {
    let rows: BTreeMap<String, &str> = contract::rows().into_iter().map(|row| (row.operation, row.who)).collect();
    for line in expected::table() {
        let who = rows.get(&line.operation).copied().unwrap_or_else(|| panic!("{} is no row", line.operation));
        let is_open = line.anonymous != 401;
        assert_eq!(is_open, who == "public", "{}: anonymous gets {}", line.operation, line.anonymous);
        // Nobody but whom the contract names gets anything of an operation, whatever it is asked about.
        let may = |role: Role| match who {
            "admin" => role.is_admin(),
            "doctor" => role == Role::Doctor,
            "clinician" => role.is_clinical(),
            "patient" => matches!(role, Role::Patient | Role::Family),
            _ => true,
        };
        let may = |role: Role| may(role) || WIDER.contains(&line.operation.as_str());
        for (relation, role) in Relation::ALL.into_iter().flat_map(|r| Role::ALL.map(|role| (r, role))) {
            let succeeds = line.answer(relation, role).is_some_and(|answer| answer.status < 300);
            assert!(!succeeds || may(role), "{}: for {who}, and {role} gets it as {relation:?}", line.operation);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it says how much was asked")]
async fn everyone_gets_what_the_table_says() {
    let world = Arc::new(World::beside(TestApp::on_sqlite(functions::all()).await).await);
    let mut roles = tokio::task::JoinSet::new();
    for role in Role::ALL {
        let world = world.clone();
        roles.spawn(async move { run::as_role(&world, role).await });
    }
    let mut report = run::anonymously(&world).await;
    for one in roles.join_all().await {
        report.add(one);
    }
    println!("{report}");
    assert!(report.disagreements.is_empty(), "{} disagreements:\n{}", report.disagreements.len(), report.listed());
    assert_eq!(world.home.parked().await, Vec::<String>::new(), "events that nobody could handle");
}
