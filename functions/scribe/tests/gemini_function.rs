//! The function with a model configured, against a local server that answers as Google does.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use connect::gemini::{Credential, SecretText};
use kernel::{ChatId, Role};
use model::chat::ChatType;
use serde_json::{Value, json};
use testkit::{Build, TestApp, TestUser};
use web::{ScribeSettings, Settings};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

testkit::on_both_platforms! {
    builds;
    the_model_writes_and_its_sentences_are_checked, a_model_that_is_down_is_named_and_not_replaced,
    a_refusal_is_final, a_job_is_tried_five_times, a_job_that_is_refused_fails_at_once,
}

/// A server that answers like this, a visit in a chat, and the function that asks the server.
async fn visit(build: Build, response: ResponseTemplate) -> (TestApp, MockServer, TestUser, ChatId) {
    let server = MockServer::start().await;
    let call = path("/v1beta/models/gemini-test:generateContent");
    let mock = Mock::given(method("POST")).and(call).and(header("x-goog-api-key", "canary-key"));
    mock.respond_with(response).mount(&server).await;
    let scribe = ScribeSettings {
        credential: Some(Credential::ApiKey(SecretText::new("canary-key".to_owned()))),
        model: "gemini-test".to_owned(),
        base_url: format!("{}/v1beta", server.uri()),
    };
    let settings = Settings { scribe, ..build.settings };
    let app = TestApp::build(Build { settings, ..build }, vec![scribe::function()]).await;
    let (ann, pat) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Pat").await);
    let chat = app.chat(ChatType::Direct, None, &[&ann.id, &pat.id]).await;
    app.say(&chat, &ann, "What brings you in?").await;
    app.say(&chat, &pat, "My left knee hurts.").await;
    app.say(&chat, &ann, "Take ibuprofen 400 mg twice a day.").await;
    (app, server, ann, chat)
}

fn written(note: &Value) -> ResponseTemplate {
    let parts = json!([{"text": note.to_string()}]);
    let candidate = json!({"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0});
    ResponseTemplate::new(200).set_body_json(json!({"candidates": [candidate], "modelVersion": "gemini-test"}))
}

fn blocked() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))
}

async fn calls(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

async fn run_job(app: &TestApp, ann: &TestUser, chat: &ChatId) -> Value {
    let ask = app.post("/api/v1/scribe/generate-note").by(ann).header("prefer", "respond-async");
    let accepted = ask.json(&json!({"chatId": chat})).expect(202).await;
    app.settle().await;
    let path = format!("/api/v1/scribe/jobs/{}", accepted["jobId"].as_str().unwrap());
    app.get(&path).by(ann).expect(200).await
}

async fn the_model_writes_and_its_sentences_are_checked(build: Build) {
    let note = json!({
        "sections": [
            {"id": "subjective", "sentences": [{"text": "The patient reports pain of the left knee.", "turns": [2]}]},
            {"id": "plan", "sentences": [
                {"text": "Ibuprofen 400 mg twice a day.", "turns": [3]},
                {"text": "Ibuprofen 800 mg three times a day.", "turns": [3]},
            ]},
        ],
        "suggestions": [],
    });
    let (app, server, ann, chat) = visit(build, written(&note)).await;
    let ask = app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat}));
    let note = ask.expect(200).await;
    assert_eq!(note["engine"], "gemini:gemini-test");
    assert_eq!(note["sections"]["plan"], "Ibuprofen 400 mg twice a day.", "the other dose was not said");
    let cited = json!([{"text": "Ibuprofen 400 mg twice a day.", "messageIds": [format!("{chat}_0000000003")]}]);
    assert_eq!(note["evidence"]["plan"], cited);
    let request = server.received_requests().await.unwrap().pop().unwrap();
    assert!(!request.url.as_str().contains("canary-key"));
    assert!(String::from_utf8(request.body).unwrap().contains("My left knee hurts."));

    let job = run_job(&app, &ann, &chat).await;
    assert_eq!((&job["state"], &job["result"]["engine"]), (&json!("succeeded"), &json!("gemini:gemini-test")));
}

async fn a_model_that_is_down_is_named_and_not_replaced(build: Build) {
    let down = json!({"error": {"code": 503, "message": "canary: My left knee", "status": "UNAVAILABLE"}});
    let (app, _server, ann, chat) = visit(build, ResponseTemplate::new(503).set_body_json(down)).await;
    let ask = app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat})).send().await;
    assert_eq!((ask.status.as_u16(), &ask.body["error"]["code"]), (503, &json!("EXTERNAL_SERVICE_ERROR")));
    assert!(ask.headers.contains_key("retry-after") && ask.body.get("sections").is_none());
    assert!(!ask.body.to_string().contains("canary"), "{}", ask.body);
}

async fn a_refusal_is_final(build: Build) {
    let (app, server, ann, chat) = visit(build, blocked()).await;
    let ask = app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat})).send().await;
    assert_eq!((ask.status.as_u16(), &ask.body["error"]["code"]), (502, &json!("EXTERNAL_SERVICE_ERROR")));
    assert!(ask.body["error"]["message"].as_str().unwrap().contains("filters"));
    assert!(!ask.headers.contains_key("retry-after"));
    server.reset().await;
    let denied = json!({"error": {"code": 403, "message": "bad key", "status": "PERMISSION_DENIED"}});
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(403).set_body_json(denied)).mount(&server).await;
    let ask = app.post("/api/v1/scribe/generate-note").by(&ann).json(&json!({"chatId": chat}));
    ask.refused(502, "EXTERNAL_SERVICE_ERROR").await;
}

async fn a_job_is_tried_five_times(build: Build) {
    let (app, server, ann, chat) = visit(build, written(&json!({"unexpected": true}))).await;
    let job = run_job(&app, &ann, &chat).await;
    assert_eq!((&job["state"], &job["result"]), (&json!("failed"), &Value::Null));
    assert!(job["error"].as_str().unwrap().contains("no usable answer"), "{job}");
    let stages: Vec<&str> = job["stages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(stages.iter().filter(|name| **name == "writing").count(), 5);
    assert_eq!((calls(&server).await, stages.last()), (5, Some(&"failed")));
    assert_eq!(app.parked().await, Vec::<String>::new());
}

async fn a_job_that_is_refused_fails_at_once(build: Build) {
    let (app, server, ann, chat) = visit(build, blocked()).await;
    let job = run_job(&app, &ann, &chat).await;
    assert_eq!((&job["state"], calls(&server).await), (&json!("failed"), 1));
    assert!(job["error"].as_str().unwrap().contains("filters"), "{job}");
}
