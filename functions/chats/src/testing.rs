//! What the tests of several operations say in one line.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};

/// Ann, Bob and Cy, of whom Ann made a Care Team with the others.
pub(crate) struct Team {
    pub(crate) ann: TestUser,
    pub(crate) bob: TestUser,
    pub(crate) cy: TestUser,
    pub(crate) chat: String,
}

impl Team {
    pub(crate) async fn of(app: &TestApp) -> Self {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Nurse, "Bob").await;
        let cy = app.user(Role::Patient, "Cy").await;
        let chat = create(app, &ann, "Care Team", &[&bob, &cy]).await;
        Self { ann, bob, cy, chat }
    }
}

/// Makes a chat and answers its id.
pub(crate) async fn create(app: &TestApp, by: &TestUser, kind: &str, others: &[&TestUser]) -> String {
    let ids: Vec<&str> = others.iter().map(|user| user.id.as_str()).collect();
    let body = json!({"name": "Team", "type": kind, "participantIds": ids});
    text(&app.post("/api/v1/chats").by(by).json(&body).expect(201).await["id"])
}

/// Sends a message and answers its id.
pub(crate) async fn say(app: &TestApp, by: &TestUser, chat: &str, content: &str) -> String {
    let sent = app.post(&format!("/api/v1/chats/{chat}/messages")).by(by).json(&json!({"content": content}));
    text(&sent.expect(201).await["id"])
}

/// Sends an urgent message and answers its id.
pub(crate) async fn say_urgently(app: &TestApp, by: &TestUser, chat: &str, content: &str) -> String {
    let body = json!({"content": content, "priority": "urgent"});
    text(&app.post(&format!("/api/v1/chats/{chat}/messages")).by(by).json(&body).expect(201).await["id"])
}

/// A GET that goes well.
pub(crate) async fn get(app: &TestApp, by: &TestUser, path: &str) -> Value {
    app.get(path).by(by).expect(200).await
}

/// A chat as it is in someone's list; `null` where it is not.
pub(crate) async fn listed(app: &TestApp, by: &TestUser, chat: &str) -> Value {
    let list = get(app, by, "/api/v1/chats?limit=100").await;
    list["data"].as_array().unwrap().iter().find(|one| one["id"] == chat).cloned().unwrap_or(Value::Null)
}

/// One field of each.
pub(crate) fn each(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| text(&one[field])).collect()
}

/// A JSON string's text; of anything else its JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
