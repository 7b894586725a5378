//! The cloud platform on emulators: REST in one process's place, two instances of realtime in others', Firestore and
//! Pub/Sub between them. What is sent at one place reaches the sockets at both.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use events_pubsub::{PubsubConfig, event_topic, setup};
use futures::{SinkExt, StreamExt};
use kernel::{OsRandom, RandomExt};
use runtime::{Config, PlatformKind, Serving};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use web::Function;

struct Emulators {
    firestore: String,
    pubsub: String,
}

/// Where the emulators are; says so where they are not, and fails where they must be.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn emulators() -> Option<Emulators> {
    let host = |name: &str| std::env::var(name).ok().filter(|host| !host.is_empty());
    let both = host("FIRESTORE_EMULATOR_HOST").zip(host("PUBSUB_EMULATOR_HOST"));
    if both.is_none() {
        assert!(std::env::var("REQUIRE_EMULATORS").as_deref() != Ok("1"), "the emulators are required and not there");
        eprintln!("skipped: FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST are not set");
    }
    both.map(|(firestore, pubsub)| Emulators { firestore, pubsub })
}

async fn serve(emulators: &Emulators, project: &str, keys: &Path, pem: &str, functions: Vec<Function>) -> Serving {
    let key_file = keys.join("keys.json").display().to_string();
    let blobs_dir = keys.join("blobs").display().to_string();
    let vars = [
        ("PORT", "0"),
        ("HOST", "127.0.0.1"),
        ("GOOGLE_CLOUD_PROJECT", project),
        ("FIRESTORE_EMULATOR_HOST", &emulators.firestore),
        ("PUBSUB_EMULATOR_HOST", &emulators.pubsub),
        ("KEY_FILE", &key_file),
        ("BLOBS_DIR", &blobs_dir),
        ("SIGNING_KEY_PEM", pem),
        ("DEFAULT_TENANT", "clinic"),
        ("INSECURE_COOKIES", "true"),
        ("TRUSTED_PROXIES", "0"),
    ];
    let vars: BTreeMap<_, _> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config::from_vars(PlatformKind::Google, &web::needs_of(&functions), vars).unwrap();
    runtime::start(config, functions).await.unwrap()
}

/// What Terraform does: topics, and a push subscription for each handler.
async fn subscribe(pubsub: &PubsubConfig, served: &[(&Serving, Vec<Function>)]) {
    for (serving, functions) in served {
        for handler in functions.iter().flat_map(|function| &function.handlers) {
            let topic = event_topic(model::event::family(handler.event));
            setup::ensure_topic(pubsub, &topic).await.unwrap();
            let endpoint = format!("http://{}/triggers/events/{}", serving.address, handler.name);
            setup::ensure_push_subscription(pubsub, handler.name, &topic, &endpoint).await.unwrap();
        }
    }
    for family in ["chats", "notifications", "identity", "scribe"] {
        setup::ensure_topic(pubsub, &event_topic(family)).await.unwrap();
    }
    setup::ensure_topic(pubsub, events_pubsub::LIVE_TOPIC).await.unwrap();
}

fn rest() -> Vec<Function> {
    vec![identity::function(), chats::function(), notifications::function()]
}

fn live() -> Vec<Function> {
    vec![realtime::function()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_deliver_to_each_others_sockets_on_the_emulator() {
    let Some(emulators) = emulators() else { return };
    let project = format!("p-{}", &OsRandom.uuid().simple().to_string()[..16]);
    let keys = tempfile::tempdir().unwrap();
    let pem = access::token::SigningKeys::generate().unwrap().to_pem();
    let pubsub = PubsubConfig::new(project.clone(), Some(emulators.pubsub.clone()));
    let first = serve(&emulators, &project, keys.path(), &pem, rest()).await;
    let one = serve(&emulators, &project, keys.path(), &pem, live()).await;
    let two = serve(&emulators, &project, keys.path(), &pem, live()).await;
    subscribe(&pubsub, &[(&first, rest()), (&one, live())]).await;
    register_clinic(&first, &project).await;

    let url = format!("http://{}", first.address);
    let ann = register(&url, "Ann", "Patient").await;
    let ben = register(&url, "Ben", "Family").await;
    let chat = post(&url, &ann.1, "/api/v1/chats", json!({"type": "Direct", "participantIds": [ben.0]})).await;
    let chat = chat["id"].as_str().unwrap().to_owned();
    let mut at_one = connect(&one, &ann.1).await;
    let mut at_two = connect(&two, &ben.1).await;

    // Over REST, and over each instance's own sockets.
    post(&url, &ann.1, &format!("/api/v1/chats/{chat}/messages"), json!({"content": "over rest"})).await;
    at_one.wait("message:received", |data| data["content"] == "over rest").await;
    at_two.wait("message:received", |data| data["content"] == "over rest").await;
    at_one.send("message:send", json!({"chatId": chat, "content": "from one"})).await;
    at_two.wait("message:received", |data| data["content"] == "from one").await;
    at_two.send("message:send", json!({"chatId": chat, "content": "from two"})).await;
    at_one.wait("message:received", |data| data["content"] == "from two").await;
    at_one.wait("notification:new", |data| data["title"] == "New message from Ben").await;
    at_two.send("user:typing", json!({"chatId": chat, "isTyping": true})).await;
    at_one.wait("user:typing", |data| data["userId"] == ben.0.as_str()).await;

    for serving in [first, one, two] {
        serving.stop().await.unwrap();
    }
}

async fn register_clinic(serving: &Serving, project: &str) {
    let app = &serving.assembled.app;
    let clinic = model::tenant::Tenant {
        name: "Clinic".to_owned(),
        project: project.to_owned(),
        database: "clinic".to_owned(),
        prefix: String::new(),
        active: true,
        created_at: app.now(),
        policy: model::tenant::TenantPolicy::default(),
    };
    app.tenants.register(&"clinic".parse().unwrap(), &clinic).await.unwrap();
}

/// Makes an account; answers its id and access token.
async fn register(url: &str, name: &str, role: &str) -> (String, String) {
    let email = format!("{}@example.com", name.to_lowercase());
    let body = json!({"name": name, "email": email, "password": "correct-horse-battery", "role": role});
    let answer = post(url, "", "/api/v1/auth/register", body).await;
    (answer["data"]["id"].as_str().unwrap().to_owned(), answer["token"].as_str().unwrap().to_owned())
}

async fn post(url: &str, token: &str, path: &str, body: Value) -> Value {
    let client = connect::http::client(Duration::from_secs(30)).unwrap();
    let mut request = client.post(format!("{url}{path}")).json(&body);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{path}: {status}: {body}");
    body
}

struct Socket(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>, Vec<Value>);

async fn connect(serving: &Serving, token: &str) -> Socket {
    let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", serving.address)).await.unwrap();
    let mut socket = Socket(stream, Vec::new());
    socket.send("auth", json!({"token": token})).await;
    socket.wait("connected", |_| true).await;
    socket
}

impl Socket {
    async fn send(&mut self, event: &str, data: Value) {
        self.0.send(Message::text(json!({"event": event, "data": data}).to_string())).await.unwrap();
    }

    async fn wait(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let wanted = |frame: &Value| frame["event"] == event && fits(&frame["data"]);
        if let Some(index) = self.1.iter().position(wanted) {
            return self.1.remove(index)["data"].clone();
        }
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await;
            let message =
                next.unwrap_or_else(|_| panic!("no {event} frame within 30 s; seen: {:?}", self.1)).unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if wanted(&frame) {
                return frame["data"].clone();
            }
            self.1.push(frame);
        }
    }
}
