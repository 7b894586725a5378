//! An administrator's commands beside a server that runs on the same data.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use audit_tree::Ledger;
use common::{Person, Server};
use model::audit::{AUDIT, AuditEntry};
use runtime::{Config, PlatformKind};
use serde_json::{Value, json};
use vault::Subject;
use web::{Need, Needs};

/// Runs a command on this data folder.
fn admin(data: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentmd"));
    command.arg("admin").args(words).env_clear().env("DATA_DIR", data).output().unwrap()
}

/// What a command that goes well prints.
fn prints(data: &Path, words: &[&str]) -> String {
    let done = admin(data, words);
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "{words:?}: {err}");
    out
}

/// What a command that fails says.
fn fails(data: &Path, words: &[&str]) -> String {
    let done = admin(data, words);
    assert_eq!(done.status.code(), Some(1), "{words:?}");
    assert!(done.stdout.is_empty());
    String::from_utf8(done.stderr).unwrap()
}

/// Makes a patient's data key, as the server would, and answers with what is stored of it.
async fn make_patient(data: &Path, id: &str) -> String {
    let vars = BTreeMap::from([("DATA_DIR".to_owned(), data.display().to_string())]);
    let config = Config::from_vars(PlatformKind::Local, &Needs::from(Need::ALL), vars).unwrap();
    let opened = runtime::open(config, consentmd::functions::all()).unwrap();
    let app = &opened.assembled.app;
    let store = app.tenants.open(&"demo".parse().unwrap()).await.unwrap().unwrap();
    app.vault.ensure_key(&store, &Subject::Patient(id.parse().unwrap())).await.unwrap();
    let stored = store.get(&vault::DATA_KEYS, &format!("patient_{id}")).await.unwrap().unwrap().value;
    opened.close().await;
    stored.wrapped_key.unwrap()
}

fn is_on_disk(data: &Path, text: &str) -> bool {
    std::fs::read_dir(data.join("databases")).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

fn wrapping_keys(data: &Path) -> (String, Vec<String>) {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(data.join("keys.json")).unwrap()).unwrap();
    let current = file["current"].as_str().unwrap().to_owned();
    let former = file["keys"].as_object().unwrap().keys().filter(|id| **id != current).cloned().collect();
    (current, former)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_and_shredded_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);
    let doctor = Person::demo(&server, "doctor").await;
    let patient = Person::demo(&server, "patient").await;
    let team = json!({"type": "Care Team", "name": "Team", "participantIds": [patient.id]});
    let chat = doctor.post("/api/v1/chats", team).await["id"].as_str().unwrap().to_owned();
    doctor.post(&format!("/api/v1/chats/{chat}/messages"), json!({"content": "before"})).await;
    assert!(prints(data, &["tenants"]).contains("demo "));

    let (first, _) = wrapping_keys(data);
    let rotated = prints(data, &["rotate-keys"]);
    let (second, former) = wrapping_keys(data);
    assert!(rotated.starts_with(&second) && rotated.contains("Back up"), "{rotated}");
    assert_eq!(former, std::slice::from_ref(&first));
    let keys = prints(data, &["keys"]);
    assert!(keys.contains(&format!("{second}  current")) && keys.contains("Data keys of demo"), "{keys}");
    assert!(keys.contains(&format!("{second}  wraps")) && !keys.contains(&format!("{first}  wraps")), "{keys}");
    let early = fails(data, &["retire-key", "--id", &first]);
    assert!(early.contains("was replaced too recently"), "{early}");
    assert!(fails(data, &["retire-key", "--id", &second]).contains("is the current wrapping key"));

    // The server has not been started again: it reads what it wrote before, and keys that it never saw.
    doctor.post(&format!("/api/v1/chats/{chat}/messages"), json!({"content": "after"})).await;
    let messages = patient.get(&format!("/api/v1/chats/{chat}/messages")).await;
    let texts: Vec<&str> =
        messages["data"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["before", "after"]);

    // Ten minutes later, as far as the key file knows.
    let file = std::fs::read_to_string(data.join("keys.json")).unwrap();
    let mut file: Value = serde_json::from_str(&file).unwrap();
    file["replaced"][&first] = json!("2024-01-01T00:00:00.000Z");
    std::fs::write(data.join("keys.json"), file.to_string()).unwrap();
    prints(data, &["rewrap-keys"]);
    assert!(prints(data, &["retire-key", "--id", &first]).contains("is removed"));
    assert_eq!(wrapping_keys(data), (second, Vec::new()));

    let wrapped = make_patient(data, "p-17").await;
    assert!(is_on_disk(data, &wrapped));
    let shred = ["shred", "--tenant", "demo", "--patient", "p-17", "--reason", "request 17", "--by", "staff 4"];
    let unasked = fails(data, &shred);
    assert!(unasked.contains("--yes"), "{unasked}");
    let shredded = prints(data, &[&shred[..], &["--yes"]].concat());
    assert!(shredded.contains("is destroyed") && !shredded.contains("Run this again"), "{shredded}");
    assert!(!is_on_disk(data, &wrapped), "nothing of the wrapped key is left on the disk");
    assert_eq!(std::fs::read_dir(data.join("certificates")).unwrap().count(), 1);
    assert!(prints(data, &shred).contains("was destroyed already"));
    assert!(
        fails(data, &[&shred[..4], &["p-18"], &shred[5..], &["--yes"]].concat()).contains("there is no patient p-18")
    );
    assert!(server.terminate());

    let server = Server::start(data);
    let messages = patient.at(&server).get(&format!("/api/v1/chats/{chat}/messages")).await;
    assert_eq!(messages["data"].as_array().unwrap().len(), 2, "everything opens after the next start");
}

/// Seals what the server has logged, as if it were some minutes later; then changes an entry where `tamper` says so.
async fn seal_audit_log(data: &Path, tamper: bool) {
    let vars = BTreeMap::from([("DATA_DIR".to_owned(), data.display().to_string())]);
    let config = Config::from_vars(PlatformKind::Local, &Needs::from(Need::ALL), vars).unwrap();
    let opened = runtime::open(config, consentmd::functions::all()).unwrap();
    let app = &opened.assembled.app;
    let store = app.tenants.open(&"demo".parse().unwrap()).await.unwrap().unwrap();
    let ledger = Ledger::new(store.clone(), app.checkpoints.clone(), app.tokens.clone());
    ledger.seal(app.now().plus(audit_tree::GRACE * 2)).await.unwrap();
    if tamper {
        let first = store.query(&AUDIT, &AUDIT.all().limit(1)).await.unwrap().remove(0);
        let altered = AuditEntry { action: "nothing".to_owned(), ..first.value };
        store.transact("tamper", async |tx| tx.put(&AUDIT, &first.id, &altered)).await.unwrap();
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_is_verified_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);
    Person::demo(&server, "doctor").await;
    assert!(server.terminate());
    let verify = ["verify-audit", "--tenant", "demo"];
    assert!(prints(data, &verify).contains("demo: intact. 0 entries in 0 checkpoints, nothing is sealed yet."));
    seal_audit_log(data, false).await;
    let intact = prints(data, &verify);
    assert!(intact.starts_with("demo: intact. ") && intact.contains(" in 1 checkpoints, sealed until 20"), "{intact}");
    assert!(fails(data, &[&verify[..], &["--from", "3"]].concat()).contains("no checkpoint begins with entry 3"));
    assert!(fails(data, &["verify-audit", "--tenant", "typo"]).contains("there is no tenant \"typo\""));
    seal_audit_log(data, true).await;
    let broken = fails(data, &verify);
    assert!(
        broken.contains("0 entries in 0 checkpoints are intact, and then: Entry ") && broken.contains("altered"),
        "{broken}"
    );
}

#[test]
fn a_wrong_folder_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let told = fails(&folder.path().join("typo"), &["keys"]);
    assert!(told.contains("there is no data folder") && told.contains("set DATA_DIR"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_administrator_is_made_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);
    let create = ["create", "--tenant", "north", "--email", "Ada@North.example", "--name", "Ada North"];
    assert!(fails(data, &create).contains("there is no tenant \"north\""));
    let new = [&create[..], &["--new-tenant", "North Clinic"]].concat();
    let made = prints(data, &new);
    assert!(made.starts_with("ClinicAdmin of north is made") && made.contains("7 days"), "{made}");
    assert!(fails(data, &new).contains("already"));
    assert!(fails(data, &create).contains("account with this address"));
    assert!(fails(data, &[&create[..], &["--role", "Nurse"]].concat()).contains("is no administrator"));
    assert!(fails(data, &["create", "--tenant", "demo", "--email", "ada", "--name", "x"]).contains("--email"));

    let token = made.split("#token=").nth(1).unwrap().trim();
    let client = connect::http::client(std::time::Duration::from_secs(10)).unwrap();
    let post = async |path: &str, body: Value| {
        let url = format!("{}/api/v1/auth/{path}", server.url);
        client.post(url).header("x-tenant", "north").json(&body).send().await.unwrap()
    };
    let set = post("reset-password", json!({"token": token, "newPassword": "magpie-over-water"})).await;
    assert_eq!(set.status(), 200);
    let signed_in = post("login", json!({"email": "ada@north.example", "password": "magpie-over-water"})).await;
    assert_eq!(signed_in.status(), 200);
    let signed_in: Value = signed_in.json().await.unwrap();
    assert_eq!(signed_in["user"]["role"], "ClinicAdmin");
}
