//! One patient, "canary" by name, must appear in no log line, URL, metric or file of the data folder in clear.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::path::Path;

use common::{Person, Server, eventually};
use serde_json::json;

/// What must appear nowhere, in any case and in base64 as a cautious attacker would look for it.
const SECRETS: [&str; 6] = ["canary", "finch", "+15550142877", "chirpingcough", "yellowfever", "songbird-password"];

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

fn nowhere_in_folder(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        nowhere_in("a file's name", name.as_bytes());
        if path.is_dir() {
            files += nowhere_in_folder(&path);
        } else {
            nowhere_in(&name, &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

fn nowhere_in(place: &str, bytes: &[u8]) {
    let lower = bytes.to_ascii_lowercase();
    for secret in SECRETS {
        assert!(!contains(&lower, secret.as_bytes()), "\"{secret}\" stands in {place}");
        for encoded in in_base64(secret) {
            assert!(!contains(bytes, encoded.as_bytes()), "\"{secret}\" stands in {place} in base64");
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The inner characters of a text's base64 at each of the three alignments.
fn in_base64(text: &str) -> Vec<String> {
    use base64::Engine;
    let capital = text[..1].to_uppercase() + &text[1..];
    let mut all = Vec::new();
    for word in [text.to_owned(), capital] {
        for shift in 0..3 {
            let padded = format!("{}{word}", "x".repeat(shift));
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
            let inner = &encoded[(shift * 4).div_ceil(3)..encoded.len() - 2];
            // Shorter ones turn up in ciphertext by chance.
            if inner.len() >= 6 {
                all.push(inner.to_owned());
            }
        }
    }
    all
}
