//! What this function's tests have in common.

use kernel::{PatientId, Role};
use model::audit::AuditEntry;
use serde_json::{Value, json};
use store::Collection;
use testkit::{TestApp, TestRequest, TestUser};

/// The patient of the API's documentation, with a name.
pub(crate) fn john() -> Value {
    json!({
        "name": "John Doe", "mrn": "MRN-001234", "dateOfBirth": "1985-03-15",
        "address": "123 Main St, Springfield, IL", "phoneNumber": "+1234567890", "emergencyContact": "Jane Doe",
        "emergencyContactPhone": "+1987654321", "bloodType": "O+",
    })
}

/// The body with one field changed.
pub(crate) fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// Registers a patient and answers the path of the record.
pub(crate) async fn register(app: &TestApp, by: &TestUser, body: &Value) -> String {
    let made = app.post("/api/v1/patients").by(by).json(body).expect(201).await;
    format!("/api/v1/patients/{}", made["id"].as_str().unwrap())
}

/// The id at the end of a record's path.
pub(crate) fn id_of(path: &str) -> PatientId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// A doctor with a registered patient, and the path of the record.
pub(crate) async fn doctor_with_patient(app: &TestApp) -> (TestUser, String) {
    let doctor = app.user(Role::Doctor, "Dr. Ann").await;
    let path = register(app, &doctor, &john()).await;
    (doctor, path)
}

/// A PUT to a version.
pub(crate) fn put(app: &TestApp, by: &TestUser, path: &str, version: u32, body: &Value) -> TestRequest {
    app.put(path).by(by).header("if-match", &format!("\"{version}\"")).json(body)
}

/// All that is stored about a patient, as text.
pub(crate) async fn stored(app: &TestApp, id: &PatientId) -> String {
    let mut text = String::new();
    let top = ["patients", "mrn-owners", "audit", "idempotency-keys", "outbox", "data-keys"];
    let all = top.map(|name| Collection::<Value>::top(name, &[])).into_iter();
    let below = ["chart", "chart-history", "vitals"];
    let below = below.map(|name| Collection::<Value>::below("patients", id.as_str(), name, &[]));
    for collection in all.chain(below) {
        for doc in app.store.query(&collection, &collection.all()).await.unwrap() {
            text.push_str(&format!("{}/{} {}\n", collection.path(), doc.id, doc.value));
        }
    }
    text
}

/// Asserts that none of these words stands in clear in what is stored. Words that chance could write into a base64 text
/// say nothing: each has five characters, or one that base64 has not.
pub(crate) async fn assert_sealed(app: &TestApp, id: &PatientId, words: &[&str]) {
    let stored = stored(app, id).await;
    assert!(stored.contains(id.as_str()), "something is stored");
    for word in words {
        let is_telling = word.len() >= 5 || !word.chars().all(|c| c.is_ascii_alphanumeric() || "+/-_".contains(c));
        assert!(is_telling, "{word} could stand there by chance");
        assert!(!stored.contains(word) && !stored.contains(&word.to_lowercase()), "{word} stands in clear");
    }
}

/// The entries of the audit log with this action.
pub(crate) async fn entries(app: &TestApp, action: &str) -> Vec<AuditEntry> {
    app.audit_log().await.into_iter().filter(|entry| entry.action == action).collect()
}

/// One of them: of those at the same moment, any.
pub(crate) async fn last_entry(app: &TestApp, action: &str) -> AuditEntry {
    entries(app, action).await.pop().unwrap()
}
