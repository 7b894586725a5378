//! What operators do on Google Cloud, from the command line: signing keys, a new tenant, the doctor. Documents and events are
//! in the emulators; Secret Manager and Firestore's Admin API are servers of `google-setup`'s own tests.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[expect(dead_code, unused_imports, reason = "the servers can do more than is asked of them here")]
#[path = "../../../shared/google-setup/tests/google/support/mod.rs"]
mod support;

use std::process::{Command, Output};
use std::sync::Arc;

use consentmd::cloud;
use google_setup::{DatabasePlan, Databases, GoogleProject};
use kernel::{OsRandom, RandomExt};
use serde_json::Value;
use support::firestore::FakeFirestore;
use support::secrets::{FakeSecretManager, Stored};
use support::{Answer, QUICK, Request, Service};

/// Both services behind one address.
struct Google {
    firestore: Arc<FakeFirestore>,
    secrets: Arc<FakeSecretManager>,
}

impl Service for Google {
    fn answer(&self, request: Request) -> Answer {
        if request.path.contains("/secrets/") { self.secrets.answer(request) } else { self.firestore.answer(request) }
    }
}

struct Bench {
    google: Arc<Google>,
    project: GoogleProject,
    environment: Vec<(&'static str, String)>,
    _folder: tempfile::TempDir,
}

fn emulators() -> Option<(String, String)> {
    let host = |name: &str| std::env::var(name).ok().filter(|host| !host.is_empty());
    let both = host("FIRESTORE_EMULATOR_HOST").zip(host("PUBSUB_EMULATOR_HOST"));
    assert!(both.is_some() || std::env::var("REQUIRE_EMULATORS").as_deref() != Ok("1"), "the emulators are required");
    both
}

impl Bench {
    /// A project as Terraform leaves it: secrets without keys, and the registry's database.
    async fn as_applied(unique: &str) -> Option<Self> {
        let (firestore_host, pubsub_host) = emulators()?;
        let (firestore, _) = FakeFirestore::start().await;
        let (secrets, _) = FakeSecretManager::start().await;
        for name in ["signing-key", "verifying-keys"] {
            secrets.secrets.lock().unwrap().insert(name.to_owned(), vec![not_made_yet()]);
        }
        let google = Arc::new(Google { firestore, secrets });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = support::router(google.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let environment = vec![
            ("PLATFORM", "google".to_owned()),
            ("GOOGLE_CLOUD_PROJECT", "p".to_owned()),
            ("FIRESTORE_EMULATOR_HOST", firestore_host),
            ("PUBSUB_EMULATOR_HOST", pubsub_host),
            ("GOOGLE_APIS_ENDPOINT", endpoint.clone()),
            ("REGISTRY_DATABASE", format!("registry-{unique}")),
            ("KEY_FILE", file("keys.json")),
            ("BLOBS_DIR", file("blobs")),
        ];
        let project = GoogleProject::at(endpoint, "p", QUICK);
        let firestore = serde_json::from_value(cloud::firestore()).unwrap();
        let plan = DatabasePlan::new(format!("registry-{unique}").parse().unwrap(), "nam5", firestore);
        Databases::new(project.clone()).ensure(&plan).await.unwrap();
        Some(Self { google, project, environment, _folder: folder })
    }

    /// What Terraform makes of the generated list of topics and subscriptions.
    async fn make_topics(&self) {
        let config = events_pubsub::PubsubConfig::new("p", std::env::var("PUBSUB_EMULATOR_HOST").ok());
        let declared = cloud::messaging(&consentmd::functions::all()).unwrap();
        let topics = declared["topics"].as_array().unwrap().iter().chain([&declared["liveTopic"]]);
        for topic in topics.filter_map(Value::as_str) {
            events_pubsub::setup::ensure_topic(&config, topic).await.unwrap();
        }
        for (name, one) in declared["subscriptions"].as_object().unwrap() {
            let topic = one["topic"].as_str().unwrap();
            let nobody = "http://127.0.0.1:9/";
            events_pubsub::setup::ensure_push_subscription(&config, name, topic, nobody).await.unwrap();
        }
    }

    async fn run(&self, words: &[&str]) -> Output {
        let mut command = tokio::process::Command::from(Command::new(env!("CARGO_BIN_EXE_consentmd")));
        command.args(words).env_clear().envs(self.environment.clone()).output().await.unwrap()
    }

    async fn prints(&self, words: &[&str]) -> String {
        let done = self.run(words).await;
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    async fn fails(&self, words: &[&str]) -> String {
        let done = self.run(words).await;
        assert_eq!(done.status.code(), Some(1), "{words:?}: {}", String::from_utf8_lossy(&done.stdout));
        String::from_utf8(done.stderr).unwrap()
    }
}

fn not_made_yet() -> Stored {
    let text = "not made yet: the deployment makes it";
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    Stored { state: 1, data, checksum: crc32c::crc32c(text.as_bytes()).to_string() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_emulators_a_project_becomes_an_installation_with_a_tenant() {
    let unique = OsRandom.uuid().simple().to_string()[..12].to_owned();
    let Some(bench) = Bench::as_applied(&unique).await else { return };
    let report = bench.fails(&["doctor"]).await;
    for expected in
        ["WRONG    signing keys in Secret Manager: none was made yet", "WRONG    token keys: no signing key"]
    {
        assert!(report.contains(expected), "{report}");
    }
    assert!(report.contains(&format!("well     database registry-{unique}")), "{report}");
    let tenant = format!("north-{unique}");
    let create =
        ["admin", "create", "--tenant", &tenant, "--new-tenant", "North", "--email", "a@x.example", "--name", "Ann"];
    assert!(bench.fails(&create).await.contains("ensure-signing-key"), "without a key nothing is made");
    assert!(!bench.google.firestore.with(|state| state.databases.keys().any(|name| name.contains(&tenant))));

    let made = bench.prints(&["admin", "ensure-signing-key"]).await;
    assert!(made.ends_with("  signs\n"), "{made}");
    assert_eq!(bench.prints(&["admin", "ensure-signing-key"]).await, made);
    assert_eq!(bench.prints(&["admin", "signing-keys"]).await, made);
    assert!(!made.contains("BEGIN"), "no key is printed");

    // The server keeps one list of indexes for all databases; what counts here is what the tenant's gets.
    bench.google.firestore.with(|state| {
        state.indexes.clear();
        state.fields.clear();
        state.schedules.clear();
    });
    let created = bench.prints(&create).await;
    assert!(created.contains("chooses the password") && created.contains("token="), "{created}");
    let declared = cloud::firestore()["indexes"].as_object().unwrap().len();
    let state = |count: &dyn Fn(&support::firestore::State) -> usize| bench.google.firestore.with(|state| count(state));
    assert_eq!(state(&|state| state.indexes.len()), declared);
    assert_eq!(state(&|state| state.schedules.len()), 2);
    assert!(bench.fails(&create).await.contains("already"));

    bench.make_topics().await;
    let report = bench.prints(&["doctor"]).await;
    assert!(report.contains(&format!("well     database {tenant}")), "{report}");
    assert!(report.ends_with(" checks, nothing wrong\n"), "{report}");
    bench.google.firestore.with(|state| state.indexes.pop());
    assert!(bench.fails(&["doctor"]).await.contains("index"), "a missing index is told");
    let firestore = serde_json::from_value(cloud::firestore()).unwrap();
    let plan = DatabasePlan::new(tenant.parse().unwrap(), "nam5", firestore);
    Databases::new(bench.project.clone()).ensure(&plan).await.unwrap();
    bench.prints(&["doctor"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_emulators_a_signing_key_is_rotated_in_steps() {
    let unique = OsRandom.uuid().simple().to_string()[..12].to_owned();
    let Some(bench) = Bench::as_applied(&unique).await else { return };
    let first = bench.prints(&["admin", "ensure-signing-key"]).await;
    let old = first.split_whitespace().next().unwrap().to_owned();
    let begun = bench.prints(&["admin", "rotate-signing-key"]).await;
    assert!(begun.contains("waits to sign") && begun.contains("Deploy all functions now"), "{begun}");
    // The server says that all versions are months old, so that nothing is too early.
    let finished = bench.prints(&["admin", "rotate-signing-key", "--finish"]).await;
    assert!(finished.contains(&format!("{old}  former")), "{finished}");
    let retired = bench.prints(&["admin", "retire-signing-key", "--id", &old, "--now"]).await;
    assert!(!retired.contains(&old) && retired.contains("  signs\n"), "{retired}");
    assert!(bench.fails(&["admin", "retire-signing-key", "--id", &old]).await.contains("no key"), "once is enough");
}

#[tokio::test]
async fn on_one_machine_there_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    for words in [["admin", "ensure-signing-key"], ["admin", "signing-keys"], ["admin", "rotate-signing-key"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consentmd"));
        let done = command.args(words).env_clear().env("DATA_DIR", folder.path()).output().unwrap();
        assert_eq!(done.status.code(), Some(1));
        assert!(String::from_utf8(done.stderr).unwrap().contains("PLATFORM=google"), "{words:?}");
    }
}
