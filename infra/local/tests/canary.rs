//! One patient, "canary" by name, must appear in no log line, URL, metric or file of the data folder of a running server in
//! clear. `matrix/canary.rs` does the same with every operation, on both platforms.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
#[path = "common/secrets.rs"]
mod secrets;

use common::{Person, Server, eventually};
use secrets::{nowhere_in, nowhere_in_folder};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_leaves_no_trace_in_clear() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let doctor = Person::demo(&server, "doctor").await;
    let canary = Person::register(
        &server,
        json!({"name": "Canary Finch", "email": "canary.finch@example.com", "password": "songbird-password",
               "role": "Patient", "phoneNumber": "+15550142877"}),
    )
    .await;
    let chat = json!({"type": "Care Team", "name": "Canary Finch's team", "participantIds": [canary.id]});
    let chat = doctor.post("/api/v1/chats", chat).await["id"].as_str().unwrap().to_owned();
    let messages = format!("/api/v1/chats/{chat}/messages");
    let sent = canary
        .post(&messages, json!({"content": "i am canary finch and i have had a chirpingcough since monday ."}))
        .await;
    doctor.post(&messages, json!({"content": "canary , is it yellowfever ? i will order a chest x-ray ."})).await;
    let edit = json!({"content": "i am Canary and i have a chirpingcough ."});
    let id = sent["id"].as_str().unwrap();
    let client = connect::http::client(std::time::Duration::from_secs(10)).unwrap();
    let put = |path: String, body: serde_json::Value| client.put(path).bearer_auth(&canary.token).json(&body).send();
    assert!(put(format!("{}/api/v1/messages/{id}", server.url), edit).await.unwrap().status().is_success());
    assert!(
        put(format!("{}/api/v1/users/me", server.url), json!({"name": "Canary B. Finch"}))
            .await
            .unwrap()
            .status()
            .is_success()
    );

    // Wrong requests too: their answers may quote what was sent, the logs may not.
    for wrong in [json!({"content": 7, "canary": "finch"}), json!({"content": ["canary"]})] {
        let refused = client
            .post(format!("{}{messages}", server.url))
            .bearer_auth(&canary.token)
            .json(&wrong)
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status().as_u16(), 400);
    }
    let login = json!({"email": "canary.finch@example.com", "password": "songbird-passwort"});
    assert_eq!(
        client.post(format!("{}/api/v1/auth/login", server.url)).json(&login).send().await.unwrap().status().as_u16(),
        401
    );
    let missing = client.get(format!("{}/api/v1/canary/finch?name=canary", server.url)).send().await.unwrap();
    assert_eq!(missing.status().as_u16(), 404);

    let note = doctor
        .post(
            "/api/v1/scribe/generate-note",
            json!({"chatId": chat, "templateType": "soap", "visitReason": "chirpingcough"}),
        )
        .await;
    let draft = json!({"chatId": chat, "templateType": "soap", "sections": note["sections"], "evidence": note["evidence"],
                       "engine": note["engine"], "isDraft": true, "visitReason": "canary finch"});
    doctor.post("/api/v1/clinical-notes", draft).await;
    eventually("the doctor is notified", async || {
        let list = doctor.get("/api/v1/notifications").await;
        list["data"].as_array().filter(|all| !all.is_empty()).map(|_| ())
    })
    .await;
    let answer = doctor.get(&messages).await.to_string();
    assert!(answer.contains("chirpingcough"), "the canary can be read by those who may: {answer}");

    let metrics = client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("http_request_seconds"), "there are metrics");
    nowhere_in("the metrics", metrics.as_bytes());
    let logs = server.output();
    assert!(logs.contains("answered 201"), "there are log lines");
    nowhere_in("the logs", logs.as_bytes());
    let files = nowhere_in_folder(data.path());
    assert!(files >= 4, "only {files} files in the data folder");
    assert!(server.terminate());
    nowhere_in_folder(data.path());
}
