//! Every operation with a person's name, words, numbers and addresses in every field that takes them, on both platforms:
//! none of it stands in clear in the logs, the metrics, the stored documents, the files and their names, in what other
//! outside services are told, or in a message beyond its address.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use connect::gemini::{Credential, SecretText};
use kernel::Role;
use parking_lot::Mutex;
use serde_json::{Value, json};
use store_sqlite::SqliteBackend;
use testkit::{Build, TestApp};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use web::{ScribeSettings, Settings};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::asks::{self, Ask};
use crate::expected::{self, Line};
use crate::run;
use crate::scene::{Relation, World};
use crate::secrets::{nowhere_in, nowhere_in_folder, secrets_in};
use crate::words::Words;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_leaves_a_trace_in_clear_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Arc::new(SqliteBackend::open(folder.path().to_owned(), runtime::declared_indexes()));
    let lived = Lived::through(Build { backend: backend.clone(), ..Build::default() }).await;
    lived.leaves_no_trace().await;
    let files = nowhere_in_folder(folder.path());
    assert!(files >= 3, "only {files} files of databases");
    backend.close().await;
    nowhere_in_folder(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_leaves_a_trace_in_clear_on_firestore() {
    let Some(build) = Build::on_firestore() else { return };
    let registry = format!("{}-registry", build.unique);
    let lived = Lived::through(build).await;
    lived.leaves_no_trace().await;
    let documents = documents_of(&registry).await + documents_of(&lived.world.home.store.database().name).await;
    assert!(documents >= 500, "only {documents} documents");
}

/// What a writer of log lines wrote.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A clinic in which every operation was asked.
struct Lived {
    world: World,
    logs: Lines,
    gemini: MockServer,
    /// Addresses and numbers that messages may go to.
    addresses: Vec<String>,
}

impl Lived {
    /// Asks every operation as somebody whom it serves, and once more with a body that is wrong.
    async fn through(build: Build) -> Self {
        let logs = Lines::default();
        let filter = Targets::new().with_default(LevelFilter::DEBUG).with_target("h2", LevelFilter::INFO);
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(logs.clone());
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        let gemini = gemini().await;
        let scribe = ScribeSettings {
            credential: Some(Credential::ApiKey(SecretText::new("test-key".to_owned()))),
            model: "gemini-test".to_owned(),
            base_url: format!("{}/v1beta", gemini.uri()),
        };
        let settings = Settings { scribe, ..build.settings };
        let home = TestApp::build(Build { settings, ..build }, consentmd::functions::all()).await;
        home.get("/metrics").expect(200).await;
        let world = World::beside(home).await;
        let mut lived = Self { world, logs, gemini, addresses: vec!["+15550142877".to_owned()] };
        let lines = expected::table();
        for (number, ask) in asks::all().iter().enumerate() {
            let line = lines.iter().find(|line| line.operation == ask.operation).unwrap();
            lived.ask(ask, line, number).await;
        }
        lived.ask_for_what_is_not_there().await;
        lived.world.home.settle().await;
        assert_eq!(lived.world.home.parked().await, Vec::<String>::new());
        lived
    }

    async fn ask(&mut self, ask: &Ask, line: &Line, number: usize) {
        let (relation, role, status) = whom_it_serves(line);
        let words = Words::canary(number);
        for beginning in ["", "new.", "invited."] {
            self.addresses.push(format!("{beginning}{}", words.email));
        }
        let scene = self.world.scene(role, relation, ask.needs, words).await;
        self.addresses.push(format!("{}@example.com", scene.caller.id));
        let home = &self.world.home;
        // Wrong bodies first, since what is asked may change whom it is asked by.
        let mut made = (ask.made)(&scene);
        if let Some(Value::Object(body)) = &mut made.body {
            body.insert("canary".to_owned(), json!("Canary Finch"));
            let body = Value::Object(body.clone());
            for wrong in [body, json!(["Canary Finch"]), json!("chirpingcough")] {
                let path = asks::path(ask.operation, &scene);
                let method = ask.operation.split_once(' ').unwrap().0.parse().unwrap();
                let refused = home.request(method, &path).by(&scene.caller).json(&wrong).send().await;
                assert!(refused.status.is_client_error(), "{}: {}", ask.operation, refused.body);
            }
        }
        let got = run::request(home, ask, &scene).by(&scene.caller).send().await;
        assert_eq!(got.status.as_u16(), status, "{} as {role} {relation:?}: {}", ask.operation, got.body);
    }

    async fn ask_for_what_is_not_there(&self) {
        let home = &self.world.home;
        let caller = home.user(Role::Doctor, "Canary Finch").await;
        for path in
            ["/api/v1/canary/finch?name=canary", "/api/v1/patients/canary-finch", "/api/v1/users/canary%20finch"]
        {
            let refused = home.get(path).by(&caller).send().await;
            assert!(refused.status.is_client_error(), "{path}: {}", refused.status);
        }
        let login = json!({"email": "canary@example.com", "password": "songbird-password"});
        home.post("/api/v1/auth/login").json(&login).expect(401).await;
        let listed = home.get("/api/v1/patients?search=finch").by(&caller).expect(200).await;
        assert_eq!(listed["pagination"]["total"], 0);
    }

    async fn leaves_no_trace(&self) {
        let home = &self.world.home;
        let logs = self.logs.0.lock().clone();
        let text = String::from_utf8_lossy(&logs).into_owned();
        assert!(text.contains("answered 201") && text.contains("DEBUG"), "there are log lines");
        for line in text.lines() {
            nowhere_in(&format!("a log line: {line}"), line.as_bytes());
        }
        let metrics = home.get("/metrics").expect(200).await;
        let metrics = metrics.as_str().unwrap().to_owned();
        assert!(metrics.contains("http_request_seconds"), "there are metrics");
        nowhere_in("the metrics", metrics.as_bytes());
        let files = nowhere_in_folder(home.folder());
        assert!(files >= 1, "there is an avatar");
        self.messages_say_nothing();
        self.gemini_learns_no_name().await;
    }

    /// A message goes to an address or number of the account that it is about, and says nothing of anybody.
    fn messages_say_nothing(&self) {
        let home = &self.world.home;
        let sent = home.messages.messages(&home.tenant);
        assert!(sent.len() >= 5, "only {} messages", sent.len());
        for message in sent {
            let said = format!("{} {} {}", message.kind, message.subject.disclose(), message.text.disclose());
            nowhere_in(&format!("a message of kind {}", message.kind), said.as_bytes());
            nowhere_in("a message's reference", message.reference.as_bytes());
            assert!(self.addresses.contains(message.to.disclose()), "a {} goes to somebody else", message.kind);
        }
    }

    /// The model reads what was said, which is what it is asked about, and not of whom or by whom.
    async fn gemini_learns_no_name(&self) {
        let asked = self.gemini.received_requests().await.unwrap();
        assert!(!asked.is_empty(), "the model was asked");
        for request in asked {
            nowhere_in("the model's URL", request.url.as_str().as_bytes());
            let prompt = String::from_utf8(request.body).unwrap().to_lowercase();
            assert!(prompt.contains("chirpingcough"), "the model was told what was said");
            for name in ["canary", "finch", "15550142877", "nightingale", "songbird", "dana", "@example.com"] {
                assert!(!prompt.contains(name), "the model was told {name}");
            }
        }
    }
}

/// The first case in which somebody is served.
fn whom_it_serves(line: &Line) -> (Relation, Role, u16) {
    let roles = [Role::Patient, Role::Doctor, Role::Family, Role::Nurse, Role::SuperAdmin];
    let cases = [Relation::Own, Relation::Related].into_iter().flat_map(|relation| roles.map(|role| (relation, role)));
    let served = cases.filter_map(|(relation, role)| Some((relation, role, line.answer(relation, role)?.status)));
    let found = served.into_iter().find(|(_, _, status)| *status < 300);
    found.unwrap_or_else(|| panic!("{} serves nobody", line.operation))
}

/// A server that answers as the model does.
async fn gemini() -> MockServer {
    let server = MockServer::start().await;
    let section = json!({"id": "plan", "sentences": [{"text": "Order a chest x-ray.", "turns": [1]}]});
    let note = json!({"sections": [section], "suggestions": []});
    let parts = json!([{"text": note.to_string()}]);
    let candidate = json!({"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0});
    let answer = ResponseTemplate::new(200).set_body_json(json!({"candidates": [candidate]}));
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

/// Looks at all documents of a database as the emulator stores them, names and values. Answers how many there are.
async fn documents_of(database: &str) -> usize {
    let host = testkit::emulator_of_firestore().unwrap();
    let client = connect::http::client(Duration::from_secs(60)).unwrap();
    let url = format!("http://{host}/v1/projects/test-project/databases/{database}/documents:runQuery");
    let everything = json!({"structuredQuery": {"from": [{"allDescendants": true}]}});
    let answer = client.post(url).bearer_auth("owner").json(&everything).send().await.unwrap();
    let answer: Value = answer.error_for_status().unwrap().json().await.unwrap();
    let found: Vec<&Value> = answer.as_array().unwrap().iter().map(|one| &one["document"]).collect();
    let mut traces = Vec::new();
    for document in &found {
        let secrets = secrets_in(document.to_string().as_bytes());
        traces.extend((!secrets.is_empty()).then(|| format!("{secrets:?} in {document}")));
    }
    assert!(traces.is_empty(), "{} documents have traces:\n{}", traces.len(), traces.join("\n"));
    found.into_iter().filter(|document| document.is_object()).count()
}
