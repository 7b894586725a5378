//! What the commonest calls cost in store operations, so that nobody makes one dearer unnoticed.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and prints its table"
)]

use std::fmt::Write;

use consentmd::functions;
use kernel::Role;
use serde_json::{Value, json};
use store::Counts;
use testkit::{TestApp, TestRequest};

/// Queries, gets, commits, documents read, documents written: at most.
type Budget = (u64, u64, u64, u64, u64);

/// Sends a request whose keys and sessions are at hand, and adds its line to the table.
async fn costs(app: &TestApp, table: &mut String, name: &str, most: Budget, request: TestRequest) -> Value {
    app.settle().await;
    let before = app.store.meter().counts();
    let answer = request.send().await;
    app.settle().await;
    let Counts { queries, gets, commits, documents_read, documents_written } = app.store.meter().counts() - before;
    assert!(answer.status.is_success(), "{name}: {}", answer.body);
    let spent = (queries, gets, commits, documents_read, documents_written);
    let is_within =
        spent.0 <= most.0 && spent.1 <= most.1 && spent.2 <= most.2 && spent.3 <= most.3 && spent.4 <= most.4;
    let over = if is_within { String::new() } else { format!(" over its budget of {most:?}") };
    writeln!(table, "| {name} | {queries} | {gets} | {commits} | {documents_read} | {documents_written} |{over}")
        .unwrap();
    answer.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commonest_calls_keep_their_budgets() {
    // Without event handlers, whose work comes after the answer. What is left of an event is a commit that puts it away.
    let mut all = functions::all();
    all.iter_mut().for_each(|function| function.handlers.clear());
    let app = TestApp::on_sqlite(all).await;
    let account =
        json!({"name": "Ann Lee", "email": "ann@example.com", "password": "magpie-over-water", "role": "Patient"});
    app.post("/api/v1/auth/register").json(&account).expect(201).await;
    let login = json!({"email": "ann@example.com", "password": "magpie-over-water"});
    app.post("/api/v1/auth/login").json(&login).expect(200).await;
    let (ann, pat) = (app.user(Role::Doctor, "Dr. Ann").await, app.user(Role::Patient, "Pat").await);
    let body = json!({"name": "Pat Roe", "dateOfBirth": "1985-03-15"});
    let patient =
        app.post("/api/v1/patients").by(&ann).json(&body).expect(201).await["id"].as_str().unwrap().to_owned();
    app.link(&patient.parse().unwrap(), &pat.id).await;
    let body = json!({"name": "Team", "type": "Care Team", "patientId": patient, "participantIds": [pat.id]});
    let chat = app.post("/api/v1/chats").by(&ann).json(&body).expect(201).await["id"].as_str().unwrap().to_owned();
    let messages = format!("/api/v1/chats/{chat}/messages");
    for n in 0..5 {
        app.post(&messages).by(&ann).json(&json!({"content": format!("message {n}")})).expect(201).await;
    }
    for path in [messages.clone(), "/api/v1/chats".to_owned(), format!("/api/v1/patients/{patient}")] {
        app.get(&path).by(&ann).expect(200).await;
    }

    app.get("/api/v1/notifications").by(&pat).expect(200).await;

    let mut table = "| call | queries | gets | commits | read | written |\n|---|---|---|---|---|---|\n".to_owned();
    let t = &mut table;
    let vitals = json!({"heartRate": 72, "systolicBp": 120, "diastolicBp": 80});
    let signed_in = costs(&app, t, "sign in", (0, 4, 1, 5, 3), app.post("/api/v1/auth/login").json(&login)).await;
    let refresh = json!({"refreshToken": signed_in["refreshToken"]});
    costs(&app, t, "refresh", (0, 2, 1, 3, 1), app.post("/api/v1/auth/refresh").json(&refresh)).await;
    costs(&app, t, "own profile", (0, 1, 0, 1, 0), app.get("/api/v1/users/me").by(&ann)).await;
    costs(&app, t, "my chats", (1, 1, 1, 3, 1), app.get("/api/v1/chats").by(&ann)).await;
    costs(&app, t, "a page of 5 messages", (1, 3, 1, 9, 1), app.get(&messages).by(&ann)).await;
    let text = json!({"content": "one more"});
    costs(&app, t, "send a message", (0, 2, 2, 2, 6), app.post(&messages).by(&ann).json(&text)).await;
    costs(&app, t, "my notifications", (2, 0, 1, 0, 1), app.get("/api/v1/notifications").by(&pat)).await;
    costs(&app, t, "my patients", (2, 0, 1, 1, 1), app.get("/api/v1/patients").by(&ann)).await;
    let chart = format!("/api/v1/patients/{patient}");
    costs(&app, t, "a chart", (1, 1, 1, 5, 1), app.get(&chart).by(&ann)).await;
    let record = app.post(&format!("{chart}/vitals")).by(&ann).json(&vitals);
    costs(&app, t, "record vitals", (0, 1, 1, 1, 2), record).await;
    println!("{table}");
    assert!(!table.contains("over its budget"), "{table}");
}
