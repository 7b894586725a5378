//! Configuration: everything that the environment says, or all that is wrong with it, at once. To add a variable: a line in
//! `variables.rs` and where it is read, here.

mod reader;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use access::outside::IssuerConfig;
use access::token::{SigningKeys, VerifyingKeys};
use kernel::{Phi, TenantId};
use vault_kms::KmsConfig;
use web::{Need, Needs, Settings};

use reader::Reader;
pub use variables::{Place, Variable};

/// Which platform a process runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformKind {
    /// SQLite and the in-process bus.
    Local,
    /// Firestore and Pub/Sub.
    Google,
}

/// Where blobs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobPlace {
    /// In a folder that all instances see.
    Folder(PathBuf),
    /// In a Cloud Storage bucket.
    Bucket(String),
}

/// What wraps data keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKeeper {
    /// The keys of a file.
    File(PathBuf),
    /// The keys of a Cloud KMS key ring, by its full name.
    Kms(String),
}

/// The keys for access tokens and statements.
#[derive(Debug, Clone)]
pub enum TokenKeys {
    /// None are given: those of a file in the data folder, made where there is none; in the cloud, for a command to find.
    File,
    /// The key that signs, as PEM, with older ones behind it.
    Signing(Phi<String>),
    /// Public keys alone, as PEM.
    Verifying(String),
}

/// Everything that the environment configures. The README's table is made of [`Config::VARIABLES`].
#[derive(Debug)]
pub struct Config {
    /// `PLATFORM`.
    pub platform: PlatformKind,
    /// `PORT`.
    pub port: u16,
    /// `HOST`.
    pub host: std::net::IpAddr,
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `GOOGLE_CLOUD_PROJECT`.
    pub project: Option<String>,
    /// `REGISTRY_DATABASE`.
    pub registry_database: String,
    /// `FIRESTORE_EMULATOR_HOST`.
    pub firestore_emulator: Option<String>,
    /// `PUBSUB_EMULATOR_HOST`.
    pub pubsub_emulator: Option<String>,
    /// `GOOGLE_APIS_ENDPOINT`.
    pub google_apis: Option<String>,
    /// `FIRESTORE_LOCATION`.
    pub firestore_location: String,
    /// `STORAGE_EMULATOR_HOST`.
    pub storage_emulator: Option<String>,
    /// `TRIGGER_AUDIENCE`.
    pub trigger_audience: Option<String>,
    /// `TRIGGER_SERVICE_ACCOUNTS`.
    pub trigger_accounts: Vec<String>,
    /// `TRIGGER_JWKS_URL`.
    pub trigger_jwks_url: String,
    /// `TRIGGER_ISSUER`.
    pub trigger_issuer: Option<String>,
    /// `IAM_GUARDED`.
    pub iam_guarded: bool,
    /// `SIGNING_KEY_PEM` or `VERIFYING_KEYS_PEM`.
    pub token_keys: TokenKeys,
    /// `BLOBS_BUCKET` or `BLOBS_DIR`; `None` where no function needs files.
    pub blobs: Option<BlobPlace>,
    /// `CHECKPOINTS_BUCKET` or `BLOBS_DIR`; `None` where no function needs checkpoints.
    pub checkpoints: Option<BlobPlace>,
    /// `PUBLIC_URL`.
    pub public_url: String,
    /// `KMS_KEY_RING` or `KEY_FILE`.
    pub key_keeper: KeyKeeper,
    /// `DEV_OUTBOX`: whether the page with simulated messages is shown to others than this machine too.
    pub dev_outbox: bool,
    /// `OUTSIDE_ISSUERS` or `OUTSIDE_ISSUERS_FILE`.
    pub outside_issuers: Vec<IssuerConfig>,
    /// `GEMINI_LOCATION`: where Vertex AI is asked.
    pub vertex_location: Option<String>,
    /// What functions are told.
    pub settings: Settings,
}

/// All that is wrong with the environment, at once.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| writeln!(f, "  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Every variable that is read.
    pub const VARIABLES: &'static [Variable] = variables::ALL;

    /// Reads the process's environment, as far as functions with these needs are concerned. `default_platform` counts
    /// where `PLATFORM` is not set.
    pub fn from_env(default_platform: PlatformKind, needs: &Needs) -> Result<Self, ConfigError> {
        Self::from_vars(default_platform, needs, std::env::vars().collect())
    }

    /// Reads these variables.
    pub fn from_vars(
        default_platform: PlatformKind,
        needs: &Needs,
        vars: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        Self::read(default_platform, needs, Reader::new(vars, true))
    }

    /// Reads the process's environment for a command that serves nobody: what only callers need may be missing.
    pub fn of_command(default_platform: PlatformKind, needs: &Needs) -> Result<Self, ConfigError> {
        Self::read(default_platform, needs, Reader::new(std::env::vars().collect(), false))
    }

    fn read(default_platform: PlatformKind, needs: &Needs, mut read: Reader) -> Result<Self, ConfigError> {
        let platform = read.one("PLATFORM", default_platform, |text| match text {
            "local" => Some(PlatformKind::Local),
            "google" => Some(PlatformKind::Google),
            _ => None,
        });
        let local = platform == PlatformKind::Local;
        let default_host = if local { std::net::Ipv4Addr::LOCALHOST } else { std::net::Ipv4Addr::UNSPECIFIED };
        let vertex_location = vertex_location(&mut read, local, needs);
        let settings = settings(&mut read, local, needs);
        let outside_issuers = read.issuers();
        if settings.first_admin.is_some() {
            read.need("DEFAULT_TENANT", settings.default_tenant.is_some());
        }
        if !settings.built_in_sign_in && outside_issuers.is_empty() {
            read.need("OUTSIDE_ISSUERS", false);
        }
        let port = read.one("PORT", 8080, |text| text.parse().ok());
        let host = read.one("HOST", default_host.into(), |text| text.parse().ok());
        let data_dir: PathBuf = read.text("DATA_DIR").unwrap_or_else(|| "data".to_owned()).into();
        let folder = read.text("BLOBS_DIR").map(PathBuf::from);
        let folder = folder.or_else(|| local.then(|| data_dir.join("blobs")));
        let config = Self {
            outside_issuers,
            platform,
            port,
            host,
            blobs: blob_place(&mut read, local, needs.contains(&Need::Files), "BLOBS_BUCKET", folder.clone()),
            checkpoints: blob_place(&mut read, local, needs.contains(&Need::Checkpoints), "CHECKPOINTS_BUCKET", folder),
            public_url: read.address("PUBLIC_URL").unwrap_or_else(|| default_url(local, host, port)),
            key_keeper: key_keeper(&mut read, local, &data_dir),
            token_keys: token_keys(&mut read, local, needs),
            data_dir,
            project: read.text("GOOGLE_CLOUD_PROJECT"),
            registry_database: read
                .text("REGISTRY_DATABASE")
                .unwrap_or_else(|| if local { "registry" } else { "(default)" }.to_owned()),
            firestore_emulator: read.text("FIRESTORE_EMULATOR_HOST"),
            pubsub_emulator: read.text("PUBSUB_EMULATOR_HOST"),
            google_apis: read.address("GOOGLE_APIS_ENDPOINT"),
            firestore_location: read.text("FIRESTORE_LOCATION").unwrap_or_else(|| "nam5".to_owned()),
            storage_emulator: read.text("STORAGE_EMULATOR_HOST"),
            trigger_audience: read.text("TRIGGER_AUDIENCE"),
            trigger_accounts: read.list("TRIGGER_SERVICE_ACCOUNTS"),
            trigger_jwks_url: read
                .text("TRIGGER_JWKS_URL")
                .unwrap_or_else(|| "https://www.googleapis.com/oauth2/v3/certs".to_owned()),
            trigger_issuer: read.text("TRIGGER_ISSUER"),
            iam_guarded: read.one("IAM_GUARDED", false, |text| text.parse().ok()),
            dev_outbox: read.one("DEV_OUTBOX", false, |text| text.parse().ok()),
            vertex_location,
            settings,
        };
        if platform == PlatformKind::Google {
            config.check_google(&mut read);
        }
        if read.problems.is_empty() { Ok(config) } else { Err(ConfigError(read.problems)) }
    }

    fn check_google(&self, read: &mut Reader) {
        let emulated = self.firestore_emulator.is_some() && self.pubsub_emulator.is_some();
        read.need("GOOGLE_CLOUD_PROJECT", self.project.is_some());
        read.need("TRIGGER_AUDIENCE", emulated || !read.serves || self.trigger_audience.is_some());
        read.need("TRIGGER_SERVICE_ACCOUNTS", emulated || !read.serves || !self.trigger_accounts.is_empty());
        if self.firestore_emulator.is_some() != self.pubsub_emulator.is_some() {
            let problem = "FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST go together: set both or none";
            read.problems.push(problem.to_owned());
        }
    }
}

fn settings(read: &mut Reader, local: bool, needs: &Needs) -> Settings {
    let defaults = Settings::default();
    let mut scribe = defaults.scribe.clone();
    if needs.contains(&Need::Model) {
        scribe.api_key(read.text("GEMINI_API_KEY"));
        scribe.model = read.text("GEMINI_MODEL").unwrap_or(scribe.model);
        scribe.base_url = read.text("GEMINI_BASE_URL").unwrap_or(scribe.base_url);
    }
    Settings {
        default_tenant: read
            .optional("DEFAULT_TENANT", |text| text.parse::<TenantId>().ok())
            .or_else(|| if local { "demo".parse().ok() } else { None }),
        allowed_origins: read.list("ALLOWED_ORIGINS"),
        trusted_proxies: read.one("TRUSTED_PROXIES", usize::from(!local), |text| text.parse().ok().filter(|n| *n <= 5)),
        secure_cookies: !read.one("INSECURE_COOKIES", local, |text| text.parse().ok()),
        built_in_sign_in: read.one("BUILT_IN_SIGN_IN", true, |text| text.parse().ok()),
        first_admin: read.optional("FIRST_ADMIN_EMAIL", |text| text.parse().ok()),
        limits: read.limits(local),
        session_idle: read.span("SESSION_IDLE_MINUTES", 60, defaults.session_idle),
        session_life: read.span("SESSION_LIFE_HOURS", 3600, defaults.session_life),
        app_url: read.address("APP_URL").unwrap_or_else(|| defaults.app_url.clone()),
        scribe,
        ..defaults
    }
}

/// A region of Vertex AI; the Gemini API by key excludes it.
fn vertex_location(read: &mut Reader, local: bool, needs: &Needs) -> Option<String> {
    if local || !needs.contains(&Need::Model) {
        return None;
    }
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let location = read.optional("GEMINI_LOCATION", |text| text.chars().all(is_region).then(|| text.to_owned()))?;
    let has_key = read.text("GEMINI_API_KEY").is_some();
    read.exclude("GEMINI_LOCATION", "GEMINI_API_KEY", has_key);
    Some(location)
}

fn key_keeper(read: &mut Reader, local: bool, data_dir: &std::path::Path) -> KeyKeeper {
    let file = read.text("KEY_FILE").map(PathBuf::from);
    if local {
        return KeyKeeper::File(file.unwrap_or_else(|| data_dir.join("keys.json")));
    }
    let ring = read.optional("KMS_KEY_RING", |text| KmsConfig::new(text, None).ok().map(|_| text.to_owned()));
    read.exclude("KMS_KEY_RING", "KEY_FILE", ring.is_some() && file.is_some());
    match (ring, file) {
        (Some(ring), _) => KeyKeeper::Kms(ring),
        (None, Some(file)) => KeyKeeper::File(file),
        (None, None) => {
            read.need("KMS_KEY_RING", false);
            KeyKeeper::Kms(String::new())
        }
    }
}

fn blob_place(
    read: &mut Reader,
    local: bool,
    is_needed: bool,
    variable: &'static str,
    folder: Option<PathBuf>,
) -> Option<BlobPlace> {
    if local {
        return folder.map(BlobPlace::Folder);
    }
    if !is_needed {
        return None;
    }
    let bucket = read.text(variable);
    read.exclude(variable, "BLOBS_DIR", bucket.is_some() && folder.is_some());
    let place = bucket.map(BlobPlace::Bucket).or_else(|| folder.map(BlobPlace::Folder));
    read.need(variable, place.is_some());
    place
}

fn token_keys(read: &mut Reader, local: bool, needs: &Needs) -> TokenKeys {
    let signing =
        read.optional("SIGNING_KEY_PEM", |text| SigningKeys::from_pem(text).ok().map(|_| Phi::new(text.to_owned())));
    if let Some(signing) = signing {
        return TokenKeys::Signing(signing);
    }
    if local {
        return TokenKeys::File;
    }
    if needs.contains(&Need::Signing) {
        read.need("SIGNING_KEY_PEM", !read.serves);
        return TokenKeys::File;
    }
    let public =
        read.optional("VERIFYING_KEYS_PEM", |text| VerifyingKeys::from_pem(text).ok().map(|_| text.to_owned()));
    read.need("VERIFYING_KEYS_PEM", public.is_some());
    TokenKeys::Verifying(public.unwrap_or_default())
}

/// Where a client on the same machine reaches this process; in the cloud no process knows what stands before it.
fn default_url(local: bool, host: std::net::IpAddr, port: u16) -> String {
    let host = if host.is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { host };
    if local && port != 0 { format!("http://{}", std::net::SocketAddr::new(host, port)) } else { String::new() }
}
