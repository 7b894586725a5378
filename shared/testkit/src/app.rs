use std::sync::Arc;
use std::time::Duration;

use access::Principal;
use access::password::{Cost, Passwords};
use access::token::{SigningKeys, Tokens};
use axum::Router;
use blobs::{Blobs, FolderBlobs, UrlSigner};
use connect::messages::{SimulatedMessage, SimulatedMessenger};
use events::{InProcessLive, Live};
use http::Method;
use kernel::{Clock, OsRandom, Phi, Random, RandomExt, Role, SessionId, TenantId, UserId};
use model::event::{Envelope, PARKED};
use model::session::{SESSIONS, Session};
use model::tenant::Tenant;
use model::user::{USERS, User};
use runtime::{Assembled, BusOf, DevOutbox, Platform, TriggerAuth, assemble};
use store::{Backend, Database, Store};
use store_firestore::{FirestoreBackend, FirestoreConfig};
use store_sqlite::SqliteBackend;
use tempfile::TempDir;
use vault::{MemoryKeys, Place, Subject, SubjectKey};
use web::{App, Function, Settings};

use crate::faults::FaultyBackend;
use crate::{Faults, FixedClock, SeededRandom, TestRequest};

/// An application for one test.
pub struct TestApp {
    /// The application.
    pub app: App,
    /// Everything it serves.
    pub router: Router,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's documents.
    pub store: Store,
    /// Makes commits fail.
    pub faults: Arc<Faults>,
    /// Keeps what was sent, and decides what becomes of it.
    pub messages: Arc<SimulatedMessenger>,
    /// Files of users, whether a function says that it needs them or not.
    pub blobs: Arc<dyn Blobs>,
    /// Audit checkpoints, likewise.
    pub checkpoints: Arc<dyn Blobs>,
    /// Tokens that are signed, likewise.
    pub tokens: Tokens,
    assembled: Assembled,
    platform: Platform,
    /// Goes with the last instance that uses it.
    folder: Arc<TempDir>,
}

/// What an application is built of, where a test wants something unusual.
pub struct Build {
    /// The document store.
    pub backend: Arc<dyn Backend>,
    /// The tenant's id, and the beginning of its databases' names.
    pub unique: String,
    /// The clock.
    pub clock: Arc<FixedClock>,
    /// What randomness begins with; instances that share a backend need different ones.
    pub seed: u64,
    /// Signals to sockets.
    pub live: Arc<dyn Live>,
    /// Who may call the trigger paths; `None` leaves them out.
    pub triggers: Option<TriggerAuth>,
    /// What functions are told. The default tenant and insecure cookies are set in any case.
    pub settings: Settings,
}

impl Default for Build {
    /// SQLite in memory.
    fn default() -> Self {
        Self {
            backend: Arc::new(SqliteBackend::in_memory(runtime::declared_indexes())),
            unique: "clinic".to_owned(),
            clock: Arc::default(),
            seed: 7,
            live: Arc::new(InProcessLive::default()),
            triggers: None,
            settings: Settings::default(),
        }
    }
}

impl Build {
    /// The Firestore emulator, in databases of its own; `None` where there is no emulator.
    pub fn on_firestore() -> Option<Self> {
        let host = emulator_of_firestore()?;
        let backend = FirestoreBackend::new(FirestoreConfig::emulator(host), Arc::new(OsRandom));
        let unique = format!("t-{}", &OsRandom.uuid().simple().to_string()[..16]);
        Some(Self { backend: Arc::new(backend), unique, ..Self::default() })
    }
}

/// A user who is signed in.
#[derive(Debug, Clone)]
pub struct TestUser {
    /// Who.
    pub id: UserId,
    /// The session.
    pub session: SessionId,
    /// The access token.
    pub token: String,
    /// The name.
    pub name: String,
}

/// Where the Firestore emulator is. Says that a test is skipped where there is none; fails where one is required.
pub fn emulator_of_firestore() -> Option<String> {
    let host = std::env::var("FIRESTORE_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
    if host.is_none() {
        let required = std::env::var("REQUIRE_EMULATORS").is_ok_and(|value| value == "1");
        assert!(!required, "FIRESTORE_EMULATOR_HOST is not set, and REQUIRE_EMULATORS=1");
        report_skip();
    }
    host
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn report_skip() {
    eprintln!("skipped: FIRESTORE_EMULATOR_HOST is not set");
}

impl TestApp {
    /// On SQLite in memory.
    pub async fn on_sqlite(functions: Vec<Function>) -> Self {
        Self::build(Build::default(), functions).await
    }

    /// On the Firestore emulator, in databases of its own; `None` where there is no emulator.
    pub async fn on_firestore(functions: Vec<Function>) -> Option<Self> {
        Some(Self::build(Build::on_firestore()?, functions).await)
    }

    /// On any backend.
    pub async fn on(backend: Arc<dyn Backend>, functions: Vec<Function>, unique: &str) -> Self {
        let build = Build { backend, unique: unique.to_owned(), ..Build::default() };
        Self::build(build, functions).await
    }

    /// With anything chosen.
    pub async fn build(build: Build, functions: Vec<Function>) -> Self {
        let Build { backend, unique, clock, seed, live, triggers, settings } = build;
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let faults = Arc::new(Faults::default());
        let backend = Arc::new(FaultyBackend { inner: backend, faults: faults.clone() });
        let tenant: TenantId = unique.parse().unwrap();
        let database = |tenant: &TenantId, name: String| Database {
            tenant: tenant.clone(),
            project: "test-project".to_owned(),
            name,
            prefix: String::new(),
        };
        let messages = Arc::new(SimulatedMessenger::new(clock.clone()));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let urls = UrlSigner::new("", &[7; 32]);
        let blobs: Arc<dyn Blobs> =
            Arc::new(FolderBlobs::new(&folder.path().join("blobs"), urls.clone(), clock.clone(), random.clone()));
        let platform = Platform {
            name: "test",
            backend,
            registry: database(&"registry".parse().unwrap(), format!("{unique}-registry")),
            bus: None,
            live,
            messages: messages.clone(),
            dev_outbox: Some(DevOutbox { messages: messages.clone(), open_to_others: false }),
            blobs: Some(blobs.clone()),
            checkpoints: Some(blobs.clone()),
            blob_urls: Some(urls),
            key_wrap: Arc::new(MemoryKeys::seeded(Arc::new(SeededRandom::new(11)))),
            clock: clock.clone(),
            random: random.clone(),
        };
        let settings = Settings { default_tenant: Some(tenant.clone()), secure_cookies: false, ..settings };
        let tokens = Tokens::new(SigningKeys::generate().unwrap(), random.clone());
        let passwords = Passwords::new(Cost::FOR_TESTS, random).unwrap();
        let assembled = assemble(platform.clone(), functions, settings, tokens.clone(), passwords, triggers);
        let record = Tenant {
            name: "Test Clinic".to_owned(),
            project: "test-project".to_owned(),
            database: format!("{unique}-data"),
            prefix: String::new(),
            active: true,
            created_at: clock.now(),
            policy: model::tenant::TenantPolicy::default(),
        };
        let app = assembled.app.clone();
        app.tenants.register(&tenant, &record).await.unwrap();
        let store = app.tenants.open(&tenant).await.unwrap().unwrap();
        assembled.begin().await;
        let router = assembled.router.clone();
        let checkpoints = blobs.clone();
        Self {
            app,
            router,
            clock,
            tenant,
            store,
            faults,
            messages,
            blobs,
            checkpoints,
            tokens,
            assembled,
            platform,
            folder,
        }
    }

    /// Another instance of the same application: the same documents, keys, live signals and clock, and no memory in
    /// common.
    pub async fn second_instance(&self, functions: Vec<Function>) -> Self {
        let (settings, tokens) = (self.app.settings.clone(), self.tokens.clone());
        let assembled = assemble(self.platform.clone(), functions, settings, tokens, self.app.passwords.clone(), None);
        let app = assembled.app.clone();
        let store = app.tenants.open(&self.tenant).await.unwrap().unwrap();
        assembled.begin().await;
        Self {
            app,
            router: assembled.router.clone(),
            clock: self.clock.clone(),
            tenant: self.tenant.clone(),
            store,
            faults: self.faults.clone(),
            messages: self.messages.clone(),
            blobs: self.blobs.clone(),
            checkpoints: self.checkpoints.clone(),
            tokens: self.tokens.clone(),
            assembled,
            platform: self.platform.clone(),
            folder: self.folder.clone(),
        }
    }

    /// The folder that its files are in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The API's document.
    pub const fn openapi(&self) -> &utoipa::openapi::OpenApi {
        &self.assembled.openapi
    }

    /// Ends it as a shutdown does.
    pub async fn stop(&self) {
        self.assembled.end().await;
    }

    /// Waits until every event has been handled.
    pub async fn settle(&self) {
        if let BusOf::InProcess(bus) = &self.assembled.bus {
            tokio::time::timeout(Duration::from_secs(30), bus.settle()).await.expect("events settle within 30 s");
        }
    }

    /// The messages that were sent, oldest first, once every event has been handled.
    pub async fn sent(&self) -> Vec<SimulatedMessage> {
        self.settle().await;
        self.messages.messages(&self.tenant)
    }

    /// Delivers an event to every handler, once more where they have had it, and waits until they are done.
    pub async fn deliver(&self, envelope: Envelope) {
        self.assembled.bus.as_bus().publish(vec![envelope]).await.unwrap();
        self.settle().await;
    }

    /// Publishes what waits in the outbox, as the sweeper does, and waits until it is handled.
    pub async fn sweep(&self) {
        self.assembled.sweep(Duration::ZERO).await;
        self.settle().await;
    }

    /// The events that handlers gave up on, as reasons.
    pub async fn parked(&self) -> Vec<String> {
        let parked = self.store.query(&PARKED, &PARKED.all()).await.unwrap();
        parked.into_iter().map(|doc| doc.value.reason).collect()
    }

    /// A verified user of this role, signed in.
    pub async fn user(&self, role: Role, name: &str) -> TestUser {
        self.user_verified(role, name, true).await
    }

    /// A user of this role, signed in; one of the staff may be unverified.
    pub async fn user_verified(&self, role: Role, name: &str, verified: bool) -> TestUser {
        let id = UserId::generate(self.app.random.as_ref());
        let key = self.app.vault.ensure_key(&self.store, &Subject::User(id.clone())).await.unwrap();
        let mut user = self.account(&id, &key, role, name, verified);
        let index = self.app.vault.blind_index(&self.store).await.unwrap();
        let email = format!("{id}@example.com").parse().unwrap();
        user.words = accounts::search_words(&index, &Phi::new(name.to_owned()), &email);
        self.store.transact("test-user", async |tx| tx.create(&USERS, id.as_str(), &user)).await.unwrap();
        self.sign_in(id, name.to_owned(), role, verified).await
    }

    /// The same user on another device, or later.
    pub async fn sign_in_again(&self, user: &TestUser) -> TestUser {
        let account = self.store.get(&USERS, user.id.as_str()).await.unwrap().unwrap().value;
        self.sign_in(user.id.clone(), user.name.clone(), account.role, account.verified).await
    }

    async fn sign_in(&self, id: UserId, name: String, role: Role, verified: bool) -> TestUser {
        let now = self.app.now();
        let session = SessionId::generate(self.app.random.as_ref());
        let signed_in = Session {
            user_id: id.clone(),
            user_agent: None,
            ip: None,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(Duration::from_secs(7 * 24 * 3600)),
            ended: None,
            refresh_hash: "none".to_owned(),
            family_hash: "none".to_owned(),
            rotations: 0,
        };
        self.store
            .transact("test-sign-in", async |tx| tx.create(&SESSIONS, session.as_str(), &signed_in))
            .await
            .unwrap();
        let principal =
            Principal { user: id.clone(), tenant: self.tenant.clone(), role, session: session.clone(), verified };
        let token = self.tokens.issue(&principal, now).unwrap();
        TestUser { id, session, token, name }
    }

    fn account(&self, id: &UserId, key: &SubjectKey, role: Role, name: &str, verified: bool) -> User {
        let place = Place::new(&self.tenant, "users", id.as_str(), "name");
        let seal = |field, text: String| key.seal(&place.field(field), &Phi::new(text));
        let now = self.app.now();
        User {
            email: seal("email", format!("{}@example.com", id.as_str())),
            name: seal("name", name.to_owned()),
            phone_number: None,
            title: None,
            avatar: None,
            role,
            verified,
            active: true,
            password_hash: "none".to_owned(),
            created_at: now,
            updated_at: now,
            last_login_at: None,
            sign_in: model::sign_in::SignIn::default(),
            deleted_at: None,
            words: Vec::new(),
        }
    }

    /// Many verified users of this role who are not signed in, named `name 0`, `name 1` and so on.
    pub async fn many_users(&self, role: Role, name: &str, count: usize) -> Vec<UserId> {
        let mut ids = Vec::with_capacity(count);
        let mut users = Vec::with_capacity(count);
        for n in 0..count {
            let id = UserId::generate(self.app.random.as_ref());
            let key = self.app.vault.fresh_key(&self.tenant, &Subject::User(id.clone())).await.unwrap();
            let user = self.account(&id, key.key(), role, &format!("{name} {n}"), true);
            ids.push(id.clone());
            users.push((id, key, user));
        }
        for chunk in users.chunks(150) {
            let write = self.store.transact("test-users", async |tx| {
                for (id, key, user) in chunk {
                    key.save(&tx)?;
                    tx.create(&USERS, id.as_str(), user)?;
                }
                Ok::<_, store::Error>(())
            });
            write.await.unwrap();
        }
        users.into_iter().for_each(|(_, key, _)| drop(self.app.vault.remember(key)));
        ids
    }

    /// A request to be sent.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        TestRequest::new(self.router.clone(), method, path)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// A POST.
    pub fn post(&self, path: &str) -> TestRequest {
        self.request(Method::POST, path)
    }

    /// A PUT.
    pub fn put(&self, path: &str) -> TestRequest {
        self.request(Method::PUT, path)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }
}
