//! Whatever is sent to whichever operation: a 4xx with a code in the envelope, never a 5xx, and the same answer for what
//! does not exist and for what is someone else's.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use consentmd::functions;
use http::Method;
use kernel::Role;
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};

testkit::on_both_platforms! {
    functions: consentmd::functions::all;
    nothing_sent_makes_a_5xx, nobody_gets_in_without_a_token, what_is_not_ours_looks_like_nothing,
}

struct Operation {
    method: Method,
    path: String,
    body: Option<Value>,
    public: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&functions::document().unwrap()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                // Of another kind than JSON is only the avatar's, which its own tests send wrong ones to.
                body: operation
                    .get("requestBody")
                    .filter(|body| body["content"]["application/json"].is_object())
                    .cloned(),
                public: !operation["security"].is_array(),
            });
        }
    }
    all
}

impl Operation {
    /// The path with every parameter replaced.
    fn at(&self, id: &str) -> String {
        let mut path = String::new();
        for part in self.path.split_inclusive('/') {
            match part.strip_prefix('{') {
                Some(_) => path.push_str(&format!("{id}{}", if part.ends_with('/') { "/" } else { "" })),
                None => path.push_str(part),
            }
        }
        path
    }

    fn has_parameter(&self) -> bool {
        self.path.contains('{')
    }
}

async fn call(app: &TestApp, user: &TestUser, operation: &Operation, path: &str, body: Option<&str>) -> (u16, Value) {
    // The updates of charts want to know which version was seen.
    let mut request = app.request(operation.method.clone(), path).by(user).header("if-match", "\"1\"");
    if let Some(body) = body {
        request = request.text("application/json", body.to_owned());
    }
    let answer = request.send().await;
    let status = answer.status.as_u16();
    let what = format!("{} {path} with {body:?}: {status} {}", operation.method, answer.body);
    assert!(status < 500, "{what}");
    if status >= 400 {
        assert_eq!(answer.body["success"], false, "{what}");
        assert!(answer.body["error"]["code"].is_string() && answer.body["error"]["message"].is_string(), "{what}");
    }
    (status, answer.body)
}

/// Bodies of every wrong kind. The unknown field has a name that no operation has.
fn wrong_bodies() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = json!({"name": "x".repeat(300_000), "content": "x".repeat(300_000)}).to_string();
    let types =
        json!({"content": {}, "name": [], "email": 7, "password": null, "chatId": {"$ne": 1}, "participantIds": "x"});
    let nuls = json!({"content": "\u{0}", "name": "\u{0}\u{202e}", "email": "a\u{0}@b.co", "chatId": "\u{0}"});
    let numbers = r#"{"limit":1e999,"page":-1,"muted":2,"pinned":"yes","isDraft":0}"#.to_owned();
    let texts = ["", "{", "null", "[]", "7", "\"x\"", "{}", "{\"nobodyHasThisField\":1}", "{\"a\":1}x", "\u{feff}{}"];
    let mut all: Vec<String> = texts.map(str::to_owned).to_vec();
    all.extend([deep, long, types.to_string(), nuls.to_string(), numbers]);
    all
}

async fn nothing_sent_makes_a_5xx(app: TestApp) {
    let (doctor, admin) = (app.user(Role::Doctor, "Dana").await, app.user(Role::SuperAdmin, "Ada").await);
    let bad_ids = ["x", "..%2f..", "%00", "a%20b", "__all__", &"9".repeat(200), "%F0%9F%92%89", "x_0000000001"];
    for operation in operations().iter().filter(|operation| !operation.path.contains("logout")) {
        for id in bad_ids {
            let path = operation.at(id);
            if operation.has_parameter() {
                let (status, _) = call(&app, &doctor, operation, &path, operation.body.as_ref().map(|_| "{}")).await;
                assert!((400..500).contains(&status), "{} {path}: {status}", operation.method);
            }
        }
        let queries = [
            "?nobodyHasThis=1",
            "?limit=-1",
            "?limit=999999999999",
            "?page=x",
            "?cursor=%00%ff",
            "?before=..&after=x",
            "?%ff=%",
        ];
        if operation.method == Method::GET && operation.path.starts_with("/api/") {
            for query in queries {
                call(&app, &doctor, operation, &format!("{}{query}", operation.at("x")), None).await;
            }
        }
        if operation.body.is_some() {
            for body in wrong_bodies() {
                let mut told = call(&app, &doctor, operation, &operation.at("x"), Some(&body)).await;
                // What is for administrators only says so before it reads a body.
                if told.0 == 403 {
                    told = call(&app, &admin, operation, &operation.at("x"), Some(&body)).await;
                }
                let (status, answer) = told;
                if body.contains("nobodyHasThisField") {
                    assert_eq!(status, 400, "{} {}: {answer}", operation.method, operation.path);
                    assert_eq!(answer["error"]["details"]["field"], "nobodyHasThisField", "{answer}");
                }
            }
            let text = |by: &TestUser| {
                let request = app.request(operation.method.clone(), &operation.at("x")).by(by);
                request.header("if-match", "\"1\"").text("text/plain", "x".to_owned()).send()
            };
            let status = match text(&doctor).await.status.as_u16() {
                403 => text(&admin).await.status.as_u16(),
                status => status,
            };
            assert_eq!(status, 415, "{}", operation.path);
        }
    }
}

async fn nobody_gets_in_without_a_token(app: TestApp) {
    let ann = app.user(Role::Patient, "Ann").await;
    let mut forged = ann.token.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    for operation in operations().iter().filter(|operation| !operation.public) {
        for token in ["", "x", "a.b.c", forged.as_str()] {
            let request = app.request(operation.method.clone(), &operation.at("x"));
            let request = request.header("authorization", &format!("Bearer {token}"));
            request.text("application/json", "{}".to_owned()).refused(401, "UNAUTHORIZED").await;
        }
    }
}

/// A stranger gets the same answer for someone else's records as for none.
async fn what_is_not_ours_looks_like_nothing(app: TestApp) {
    let doctor = app.user(Role::Doctor, "Dana").await;
    let patient = app.user(Role::Patient, "Pat").await;
    let stranger = app.user(Role::Doctor, "Sam").await;
    let create = json!({"type": "Direct", "participantIds": [patient.id]});
    let chat = app.post("/api/v1/chats").by(&doctor).json(&create).expect(201).await["id"].as_str().unwrap().to_owned();
    let content = json!({"content": "how are you ?", "priority": "urgent"});
    let sent = app.post(&format!("/api/v1/chats/{chat}/messages")).by(&patient).json(&content).expect(201).await;
    let message = sent["id"].as_str().unwrap().to_owned();
    let draft = json!({"chatId": chat, "templateType": "soap", "sections": {"subjective": "well"}, "isDraft": true});
    let note = app.post("/api/v1/clinical-notes").by(&doctor).json(&draft).expect(201).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asked = app.post("/api/v1/scribe/generate-note").by(&doctor).header("prefer", "respond-async");
    let job = asked.json(&json!({"chatId": chat})).expect(202).await["jobId"].as_str().unwrap().to_owned();
    app.settle().await;
    let session = doctor.session.to_string();

    let nothing = |id: &str| match id {
        id if id == message => "0b1c2d3e-0000-4000-8000-000000000000_0000000001".to_owned(),
        _ => "0b1c2d3e-0000-4000-8000-000000000000".to_owned(),
    };
    let good_body = |path: &str| match path {
        path if path.ends_with("/participants") => json!({"userId": stranger.id}),
        path if path.ends_with("/messages") || path.contains("/messages/") => json!({"content": "x"}),
        path if path.ends_with("/pin") => json!({"pinned": true}),
        path if path.ends_with("/membership") => json!({"muted": true}),
        _ => json!({"name": "x"}),
    };
    for operation in operations() {
        let id = match operation.path.as_str() {
            path if path.contains("{chatId}") => &chat,
            path if path.contains("{messageId}") => &message,
            path if path.contains("{noteId}") => &note,
            path if path.contains("{jobId}") => &job,
            path if path.contains("{sessionId}") => &session,
            _ => continue,
        };
        let query = if operation.path.ends_with("/search") { "?q=how" } else { "" };
        let body = operation.body.as_ref().map(|_| good_body(&operation.path).to_string());
        let mut answers = Vec::new();
        for id in [id.clone(), nothing(id)] {
            let path = format!("{}{query}", operation.at(&id));
            answers.push(call(&app, &stranger, &operation, &path, body.as_deref()).await);
        }
        assert_eq!(answers[0].0, 404, "{} {}: {}", operation.method, operation.path, answers[0].1);
        assert_eq!(answers[0], answers[1], "{} {} tells that it exists", operation.method, operation.path);
    }
    for (path, body) in [("/api/v1/clinical-notes", draft), ("/api/v1/scribe/generate-note", json!({"chatId": chat}))] {
        app.post(path).by(&stranger).json(&body).refused(404, "NOT_FOUND").await;
    }
}
