//! What was acknowledged is there after `kill -9`, and told once.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Person, Server, eventually};
use serde_json::{Value, json};

const SENDS: usize = 1000;
const SENDERS: usize = 8;
const KILL_AFTER: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kill_nine_loses_nothing_acknowledged_and_tells_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let doctor = Person::demo(&server, "doctor").await;
    let patient = Person::demo(&server, "patient").await;
    let nurse = Person::demo(&server, "nurse").await;
    let team = json!({"type": "Care Team", "name": "Team", "participantIds": [patient.id, nurse.id]});
    let chat = doctor.post("/api/v1/chats", team).await["id"].as_str().unwrap().to_owned();

    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (enough, killed) = tokio::sync::oneshot::channel();
    let enough = Arc::new(std::sync::Mutex::new(Some(enough)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (doctor, chat) = (doctor.clone(), chat.clone());
            let (acknowledged, enough) = (acknowledged.clone(), enough.clone());
            tokio::spawn(async move {
                let mut ids = BTreeMap::new();
                for number in 0..SENDS / SENDERS {
                    let text = format!("message {sender}-{number}");
                    let path = format!("/api/v1/chats/{chat}/messages");
                    let Some(sent) = doctor.try_post(&path, json!({"content": text})).await else { break };
                    ids.insert(sent["id"].as_str().unwrap().to_owned(), text);
                    if acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == KILL_AFTER {
                        let _ = enough.lock().unwrap().take().unwrap().send(());
                    }
                }
                ids
            })
        })
        .collect();
    killed.await.unwrap();
    server.kill();
    let mut promised = BTreeMap::new();
    for sender in senders {
        promised.extend(sender.await.unwrap());
    }
    assert!(promised.len() >= KILL_AFTER && promised.len() < SENDS, "{} were acknowledged", promised.len());

    let server = Server::start(data.path());
    let (doctor, patient, nurse) = (doctor.at(&server), patient.at(&server), nurse.at(&server));
    let stored = all_messages(&doctor, &chat).await;
    for (id, text) in &promised {
        assert_eq!(stored.get(id), Some(text), "an acknowledged message is lost");
    }
    for recipient in [&patient, &nurse] {
        let told = eventually("everyone has been told of every message", async || {
            let told = all_notifications(recipient).await;
            (told.len() >= stored.len()).then_some(told)
        })
        .await;
        let distinct: BTreeSet<&String> = told.iter().collect();
        assert_eq!(distinct.len(), told.len(), "someone was told twice");
        assert!(stored.keys().all(|id| distinct.contains(id)), "someone was not told");
    }
    assert!(all_notifications(&doctor).await.is_empty(), "the sender was told");
    assert!(server.terminate(), "SIGTERM ends it well");
}

async fn all_messages(reader: &Person, chat: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut path = format!("/api/v1/chats/{chat}/messages?limit=100");
    loop {
        let page = reader.get(&path).await;
        let messages = page["data"].as_array().unwrap();
        for message in messages {
            all.insert(message["id"].as_str().unwrap().to_owned(), message["content"].as_str().unwrap().to_owned());
        }
        let first = messages.first().and_then(|message| message["seq"].as_u64());
        match first {
            Some(seq) if seq > 1 => {
                path =
                    format!("/api/v1/chats/{chat}/messages?limit=100&before={}", messages[0]["id"].as_str().unwrap());
            }
            _ => return all,
        }
    }
}

/// The ids of the messages that someone was notified of.
async fn all_notifications(reader: &Person) -> Vec<String> {
    let mut all = Vec::new();
    let mut path = "/api/v1/notifications?limit=100".to_owned();
    loop {
        let page = reader.get(&path).await;
        let about = |n: &Value| n["data"]["messageId"].as_str().unwrap().to_owned();
        all.extend(page["data"].as_array().unwrap().iter().map(about));
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/notifications?limit=100&cursor={cursor}"),
            None => return all,
        }
    }
}
