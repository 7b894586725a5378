use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use access::outside::{IssuerConfig, parse_issuers};
use access::token::SigningKeys;
use kernel::{Phi, TenantId};
use web::{RateLimits, ScribeSettings, Settings};

/// Which platform a process runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformKind {
    /// SQLite and the in-process bus.
    Local,
    /// Firestore and Pub/Sub.
    Google,
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
    /// `TRIGGER_AUDIENCE`.
    pub trigger_audience: Option<String>,
    /// `TRIGGER_SERVICE_ACCOUNTS`.
    pub trigger_accounts: Vec<String>,
    /// `TRIGGER_JWKS_URL`.
    pub trigger_jwks_url: String,
    /// `TRIGGER_ISSUER`.
    pub trigger_issuer: Option<String>,
    /// `SIGNING_KEY_PEM`: the key that signs access tokens; on one machine a key file is made instead.
    pub signing_key: Option<Phi<String>>,
    /// `BLOBS_DIR`.
    pub blobs_dir: PathBuf,
    /// `PUBLIC_URL`.
    pub public_url: String,
    /// `KEY_FILE`.
    pub key_file: Option<PathBuf>,
    /// `DEV_OUTBOX`: whether the page with simulated messages is shown to others than this machine too.
    pub dev_outbox: bool,
    /// `OUTSIDE_ISSUERS` or `OUTSIDE_ISSUERS_FILE`.
    pub outside_issuers: Vec<IssuerConfig>,
    /// What functions are told.
    pub settings: Settings,
}

/// A variable of the environment, for the README and for error messages.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// A value that would do.
    pub example: &'static str,
    /// What counts where it is not set.
    pub default: &'static str,
}

const fn variable(name: &'static str, default: &'static str, example: &'static str, purpose: &'static str) -> Variable {
    Variable { name, purpose, example, default }
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
    /// Every variable that is read. `LOG` (a filter such as `info,store=debug`) is read by the logger.
    pub const VARIABLES: &'static [Variable] = &[
        variable(
            "PLATFORM",
            "`local` for consentmd, `google` for a function",
            "local",
            "where documents, events and keys are",
        ),
        variable("PORT", "8080", "8080", "the port to listen on"),
        variable("HOST", "127.0.0.1 (local), 0.0.0.0 (google)", "0.0.0.0", "the address to listen on"),
        variable("DATA_DIR", "data", "/var/lib/consentmd", "local: the folder for databases, files and keys"),
        variable(
            "KEY_FILE",
            "keys.json in DATA_DIR",
            "/etc/consentmd/keys.json",
            "the file with the keys that wrap data keys; made at first start, mode 0600",
        ),
        variable(
            "BLOBS_DIR",
            "`blobs` in DATA_DIR (local)",
            "/mnt/blobs",
            "the folder for files and audit checkpoints, the same for all instances: on google a mounted bucket",
        ),
        variable(
            "PUBLIC_URL",
            "http://HOST:PORT (local); none (google): URLs of files are paths",
            "https://api.consentmd.com",
            "where clients reach this API, for the signed URLs of files",
        ),
        variable("DEFAULT_TENANT", "`demo` (local), none (google)", "demo", "the tenant of a sign-in without X-Tenant"),
        variable(
            "ALLOWED_ORIGINS",
            "none",
            "https://app.consentmd.com",
            "origins that browsers may call from, with commas between",
        ),
        variable("TRUSTED_PROXIES", "0 (local), 1 (google)", "2", "how many proxies append to X-Forwarded-For"),
        variable(
            "GEMINI_API_KEY",
            "none: notes are written by the offline engine",
            "AIza…",
            "the scribe's key of the Gemini API",
        ),
        variable("GEMINI_MODEL", "gemini-2.5-flash", "gemini-2.5-pro", "the scribe's model"),
        variable(
            "GEMINI_BASE_URL",
            "https://generativelanguage.googleapis.com/v1beta",
            "http://127.0.0.1:9000/v1beta",
            "where the Gemini API is",
        ),
        variable(
            "APP_URL",
            "http://localhost:3000",
            "https://app.consentmd.com",
            "where the frontend is; links in messages begin with it",
        ),
        variable("SESSION_IDLE_MINUTES", "30", "15", "after how many minutes without a request a session ends"),
        variable("SESSION_LIFE_HOURS", "168", "12", "after how many hours a session ends in any case"),
        variable(
            "DEV_OUTBOX",
            "false: GET /dev/outbox is for this machine alone",
            "true",
            "local: whether others may see the page with simulated messages too, sign-in codes and all",
        ),
        variable("GOOGLE_CLOUD_PROJECT", "none", "my-project", "google: the project, also for trace links in logs"),
        variable(
            "REGISTRY_DATABASE",
            "`registry` (local), `(default)` (google)",
            "(default)",
            "the database with the tenants' registry",
        ),
        variable("FIRESTORE_EMULATOR_HOST", "none", "127.0.0.1:8085", "google: use this Firestore emulator"),
        variable("PUBSUB_EMULATOR_HOST", "none", "127.0.0.1:8086", "google: use this Pub/Sub emulator"),
        variable(
            "TRIGGER_AUDIENCE",
            "none",
            "https://chats-abc.run.app",
            "google: the audience of trigger calls' OIDC tokens",
        ),
        variable(
            "TRIGGER_SERVICE_ACCOUNTS",
            "none",
            "push@my-project.iam.gserviceaccount.com",
            "google: who may call the trigger paths, with commas between",
        ),
        variable(
            "TRIGGER_JWKS_URL",
            "https://www.googleapis.com/oauth2/v3/certs",
            "http://127.0.0.1:9001/certs",
            "google: the keys that sign trigger calls' tokens",
        ),
        variable(
            "TRIGGER_ISSUER",
            "Google's",
            "https://issuer.example",
            "google: another issuer of trigger calls' tokens",
        ),
        variable(
            "SIGNING_KEY_PEM",
            "local: signing-key.pem in DATA_DIR, made at first start",
            "-----BEGIN PRIVATE KEY-----…",
            "google: the P-256 key (PKCS#8) that signs access tokens, from Secret Manager",
        ),
        variable(
            "INSECURE_COOKIES",
            "true (local), false (google)",
            "false",
            "whether the refresh cookie also goes over plain HTTP",
        ),
        variable(
            "OUTSIDE_ISSUERS",
            "none",
            "[{\"issuer\":\"https://idp.example\",\"jwksUrl\":\"https://idp.example/jwks\",…}]",
            "the identity providers whose tokens are taken beside ours, as JSON; see functions/identity/README.md",
        ),
        variable("OUTSIDE_ISSUERS_FILE", "none", "/etc/consentmd/issuers.json", "a file with the same"),
        variable(
            "BUILT_IN_SIGN_IN",
            "true",
            "false",
            "whether people register and sign in here; `false` leaves that to the outside issuers",
        ),
        variable(
            "FIRST_ADMIN_EMAIL",
            "none",
            "ada@clinic.example",
            "who is invited to administer DEFAULT_TENANT where it has no administrator",
        ),
        variable(
            "RATE_LIMIT_PER_MINUTE",
            "6000 (local), 100 (google)",
            "300",
            "how many requests of one address an instance serves in a minute; 0: any number",
        ),
        variable("RATE_LIMIT_AUTH_PER_MINUTE", "600 (local), 10 (google)", "20", "the same below /api/v1/auth/"),
        variable(
            "RATE_LIMIT_UPLOADS_PER_MINUTE",
            "100 (local), 10 (google)",
            "30",
            "how many uploads of one user an instance takes in a minute; 0: any number",
        ),
    ];

    /// Reads the process's environment. `default_platform` counts where `PLATFORM` is not set.
    pub fn from_env(default_platform: PlatformKind) -> Result<Self, ConfigError> {
        Self::from_vars(default_platform, std::env::vars().collect())
    }

    /// Reads these variables.
    pub fn from_vars(default_platform: PlatformKind, vars: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut read = Reader { vars, problems: Vec::new() };
        let platform = read.one("PLATFORM", default_platform, |text| match text {
            "local" => Some(PlatformKind::Local),
            "google" => Some(PlatformKind::Google),
            _ => None,
        });
        let local = platform == PlatformKind::Local;
        let default_host = if local { std::net::Ipv4Addr::LOCALHOST } else { std::net::Ipv4Addr::UNSPECIFIED };
        let defaults = Settings::default();
        let scribe = ScribeSettings {
            gemini_api_key: read.text("GEMINI_API_KEY"),
            gemini_model: read.text("GEMINI_MODEL").unwrap_or(defaults.scribe.gemini_model),
            gemini_base_url: read.text("GEMINI_BASE_URL").unwrap_or(defaults.scribe.gemini_base_url),
        };
        let settings = Settings {
            default_tenant: read
                .optional("DEFAULT_TENANT", |text| text.parse::<TenantId>().ok())
                .or_else(|| if local { "demo".parse().ok() } else { None }),
            allowed_origins: read.list("ALLOWED_ORIGINS"),
            trusted_proxies: read
                .one("TRUSTED_PROXIES", usize::from(!local), |text| text.parse().ok().filter(|n| *n <= 5)),
            secure_cookies: !read.one("INSECURE_COOKIES", local, |text| text.parse().ok()),
            built_in_sign_in: read.one("BUILT_IN_SIGN_IN", true, |text| text.parse().ok()),
            first_admin: read.optional("FIRST_ADMIN_EMAIL", |text| text.parse().ok()),
            limits: read.limits(local),
            session_idle: read.span("SESSION_IDLE_MINUTES", 60, defaults.session_idle),
            session_life: read.span("SESSION_LIFE_HOURS", 3600, defaults.session_life),
            app_url: read.one("APP_URL", defaults.app_url, |text| {
                let is_address = text.starts_with("https://") || text.starts_with("http://");
                (is_address && !text.contains(['#', '?'])).then(|| text.trim_end_matches('/').to_owned())
            }),
            scribe,
            ..defaults
        };
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
        let public_url = read.optional("PUBLIC_URL", |text| {
            let is_address = text.starts_with("https://") || text.starts_with("http://");
            is_address.then(|| text.trim_end_matches('/').to_owned())
        });
        let config = Self {
            outside_issuers,
            platform,
            port,
            host,
            blobs_dir: read.text("BLOBS_DIR").map_or_else(|| data_dir.join("blobs"), PathBuf::from),
            public_url: public_url.unwrap_or_else(|| default_url(local, host, port)),
            data_dir,
            project: read.text("GOOGLE_CLOUD_PROJECT"),
            registry_database: read
                .text("REGISTRY_DATABASE")
                .unwrap_or_else(|| if local { "registry" } else { "(default)" }.to_owned()),
            firestore_emulator: read.text("FIRESTORE_EMULATOR_HOST"),
            pubsub_emulator: read.text("PUBSUB_EMULATOR_HOST"),
            trigger_audience: read.text("TRIGGER_AUDIENCE"),
            trigger_accounts: read.list("TRIGGER_SERVICE_ACCOUNTS"),
            trigger_jwks_url: read
                .text("TRIGGER_JWKS_URL")
                .unwrap_or_else(|| "https://www.googleapis.com/oauth2/v3/certs".to_owned()),
            trigger_issuer: read.text("TRIGGER_ISSUER"),
            signing_key: read.optional("SIGNING_KEY_PEM", |text| {
                SigningKeys::from_pem(text).ok().map(|_| Phi::new(text.to_owned()))
            }),
            key_file: read.text("KEY_FILE").map(PathBuf::from),
            dev_outbox: read.one("DEV_OUTBOX", false, |text| text.parse().ok()),
            settings,
        };
        if platform == PlatformKind::Google {
            config.check_google(&mut read);
        }
        if read.problems.is_empty() { Ok(config) } else { Err(ConfigError(read.problems)) }
    }

    /// The file with the keys that wrap data keys: `KEY_FILE`, else `keys.json` in the data folder.
    pub fn key_file_path(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.data_dir.join("keys.json"))
    }

    fn check_google(&self, read: &mut Reader) {
        let emulated = self.firestore_emulator.is_some() && self.pubsub_emulator.is_some();
        read.need("GOOGLE_CLOUD_PROJECT", self.project.is_some());
        read.need("SIGNING_KEY_PEM", self.signing_key.is_some());
        read.need("KEY_FILE", self.key_file.is_some());
        read.need("BLOBS_DIR", read.vars.contains_key("BLOBS_DIR"));
        read.need("TRIGGER_AUDIENCE", emulated || self.trigger_audience.is_some());
        read.need("TRIGGER_SERVICE_ACCOUNTS", emulated || !self.trigger_accounts.is_empty());
        if self.firestore_emulator.is_some() != self.pubsub_emulator.is_some() {
            let problem = "FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST go together: set both or none";
            read.problems.push(problem.to_owned());
        }
    }
}

/// Where a client on the same machine reaches this process; in the cloud no process knows what stands before it.
fn default_url(local: bool, host: std::net::IpAddr, port: u16) -> String {
    let host = if host.is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { host };
    if local && port != 0 { format!("http://{}", std::net::SocketAddr::new(host, port)) } else { String::new() }
}

struct Reader {
    vars: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Reader {
    fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(Config::VARIABLES.iter().any(|variable| variable.name == name), "{name} is not in the table");
        self.vars.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn optional<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.problems.push(problem(name, "has a value that cannot be used"));
        }
        value
    }

    fn one<T>(&mut self, name: &'static str, default: T, parse: impl Fn(&str) -> Option<T>) -> T {
        self.optional(name, parse).unwrap_or(default)
    }

    /// A number of units of so many seconds each, at least one and at most a year's.
    fn span(&mut self, name: &'static str, unit_seconds: u64, default: Duration) -> Duration {
        let most = 366 * 24 * 3600 / unit_seconds;
        let parse = |text: &str| text.parse().ok().filter(|units| (1..=most).contains(units));
        self.optional(name, parse).map_or(default, |units: u64| Duration::from_secs(units * unit_seconds))
    }

    fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn issuers(&mut self) -> Vec<IssuerConfig> {
        let (given, file) = (self.text("OUTSIDE_ISSUERS"), self.text("OUTSIDE_ISSUERS_FILE"));
        let json = match (given, file) {
            (Some(_), Some(_)) => Err("OUTSIDE_ISSUERS and OUTSIDE_ISSUERS_FILE exclude each other".to_owned()),
            (Some(json), None) => Ok(json),
            (None, Some(path)) => std::fs::read_to_string(&path)
                .map_err(|error| format!("OUTSIDE_ISSUERS_FILE: {path} cannot be read: {error}")),
            (None, None) => return Vec::new(),
        };
        let parsed = json.and_then(|json| {
            let secret = |name: &str| self.vars.get(name).cloned();
            parse_issuers(&json, secret).map_err(|error| format!("OUTSIDE_ISSUERS: {error}"))
        });
        parsed.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        })
    }

    fn limits(&mut self, local: bool) -> RateLimits {
        let mut limit = |name, of_local, of_google| {
            self.one(name, if local { of_local } else { of_google }, |text| {
                text.parse().ok().filter(|n| *n <= 1_000_000)
            })
        };
        RateLimits {
            per_minute: limit("RATE_LIMIT_PER_MINUTE", 6000, 100),
            auth_per_minute: limit("RATE_LIMIT_AUTH_PER_MINUTE", 600, 10),
            uploads_per_minute: limit("RATE_LIMIT_UPLOADS_PER_MINUTE", 100, 10),
        }
    }

    fn need(&mut self, name: &'static str, given: bool) {
        if !given && !self.problems.iter().any(|problem| problem.starts_with(name)) {
            self.problems.push(problem(name, "is not set"));
        }
    }
}

fn problem(name: &str, what: &str) -> String {
    let known = Config::VARIABLES.iter().find(|variable| variable.name == name);
    let help = known.map(|v| format!(": {}; for example {}", v.purpose, v.example)).unwrap_or_default();
    format!("{name} {what}{help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(platform: PlatformKind, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(platform, vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn nothing_needs_to_be_set_on_one_machine() {
        let config = read(PlatformKind::Local, &[]).unwrap();
        assert_eq!((config.port, config.host.is_loopback()), (8080, true));
        assert_eq!(config.settings.default_tenant.unwrap().as_str(), "demo");
    }

    #[test]
    fn all_problems_are_told_at_once_with_an_example() {
        let error =
            read(PlatformKind::Google, &[("PORT", "eighty"), ("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")]).unwrap_err();
        let text = error.to_string();
        for name in [
            "PORT has",
            "GOOGLE_CLOUD_PROJECT is",
            "SIGNING_KEY_PEM is",
            "KEY_FILE is",
            "BLOBS_DIR is",
            "TRIGGER_AUDIENCE is",
            "go together",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(text.contains("for example 8080"), "{text}");
    }

    #[test]
    fn sessions_and_links_can_be_set() {
        let settings = read(PlatformKind::Local, &[]).unwrap().settings;
        assert_eq!((settings.session_idle.as_secs(), settings.session_life.as_secs()), (30 * 60, 7 * 24 * 3600));
        let vars = [("SESSION_IDLE_MINUTES", "15"), ("SESSION_LIFE_HOURS", "12"), ("APP_URL", "https://app.example/")];
        let settings = read(PlatformKind::Local, &vars).unwrap().settings;
        assert_eq!((settings.session_idle.as_secs(), settings.session_life.as_secs()), (15 * 60, 12 * 3600));
        assert_eq!(settings.app_url, "https://app.example");
        for wrong in [("SESSION_IDLE_MINUTES", "0"), ("SESSION_LIFE_HOURS", "-1"), ("APP_URL", "javascript:x")] {
            assert!(read(PlatformKind::Local, &[wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn outside_issuers_are_checked_at_the_start() {
        let issuers =
            r#"[{"issuer":"https://idp.example","secretVariable":"IDP","tenant":"demo","defaultRole":"Patient"}]"#;
        let off = ("BUILT_IN_SIGN_IN", "false");
        let secret = ("IDP", "Canary-Canary-Canary-Canary-Canary");
        let config = read(PlatformKind::Local, &[("OUTSIDE_ISSUERS", issuers), secret, off]).unwrap();
        assert_eq!((config.outside_issuers.len(), config.settings.built_in_sign_in), (1, false));
        assert!(!format!("{config:?}").contains("Canary"));
        let problems = |vars: &[(&str, &str)]| read(PlatformKind::Local, vars).unwrap_err().to_string();
        assert!(problems(&[("OUTSIDE_ISSUERS", issuers)]).contains("IDP"));
        assert!(problems(&[off]).contains("OUTSIDE_ISSUERS is not set"));
        assert!(problems(&[("OUTSIDE_ISSUERS_FILE", "/nowhere/issuers.json")]).contains("/nowhere/issuers.json"));
        let both = [("OUTSIDE_ISSUERS", issuers), secret, ("OUTSIDE_ISSUERS_FILE", "x")];
        assert!(problems(&both).contains("exclude each other"));
    }

    #[test]
    fn files_have_a_place_and_an_address() {
        let config = read(PlatformKind::Local, &[("DATA_DIR", "d"), ("HOST", "0.0.0.0"), ("PORT", "81")]).unwrap();
        assert_eq!((config.blobs_dir, config.public_url.as_str()), ("d/blobs".into(), "http://127.0.0.1:81"));
        let vars = [("BLOBS_DIR", "/mnt/b"), ("PUBLIC_URL", "https://api.example/")];
        let config = read(PlatformKind::Local, &vars).unwrap();
        assert_eq!((config.blobs_dir, config.public_url.as_str()), ("/mnt/b".into(), "https://api.example"));
        assert!(read(PlatformKind::Local, &[("PUBLIC_URL", "api.example")]).is_err());
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = read(PlatformKind::Local, &[("GEMINI_API_KEY", "AIzaCanary")]).unwrap();
        assert!(!format!("{config:?}").contains("Canary"));
    }
}
