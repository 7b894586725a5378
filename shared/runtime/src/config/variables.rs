//! The table of variables: what the README shows, errors explain, and Terraform gives to each function.

use web::{Need, Needs};

/// A variable of the environment, for the README and for error messages.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What counts where it is not set.
    pub default: &'static str,
    /// A value that would do.
    pub example: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Where it counts.
    pub place: Place,
    /// Which need of a function it belongs to; `None`: every function reads it.
    pub need: Option<Need>,
}

/// Where a variable counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everywhere.
    Anywhere,
    /// On one machine.
    OneMachine,
    /// On Google Cloud.
    Google,
    /// On Google Cloud, for the operators' commands alone.
    Operators,
    /// On Google's platform without Google: with emulators, in tests.
    Emulated,
}

impl Variable {
    /// Whether a function with these needs reads it in a deployment on Google Cloud.
    pub fn is_deployed(&self, needs: &Needs) -> bool {
        let is_there = matches!(self.place, Place::Anywhere | Place::Google);
        is_there && self.need.is_none_or(|need| needs.contains(&need))
    }

    const fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    const fn needed_for(mut self, need: Need) -> Self {
        self.need = Some(need);
        self
    }
}

const fn variable(name: &'static str, default: &'static str, example: &'static str, purpose: &'static str) -> Variable {
    Variable { name, default, example, purpose, place: Place::Anywhere, need: None }
}

/// Every variable that is read. `LOG` is read by the logger.
pub(super) const ALL: &[Variable] = &[
    variable(
        "PLATFORM",
        "`local` for consentmd, `google` for a function",
        "local",
        "where documents, events and keys are",
    ),
    variable("LOG", "info", "info,store=debug", "which lines are logged"),
    variable("PORT", "8080", "8080", "the port to listen on"),
    variable("HOST", "127.0.0.1 (local), 0.0.0.0 (google)", "0.0.0.0", "the address to listen on"),
    variable("DATA_DIR", "data", "/var/lib/consentmd", "the folder for databases, files and keys")
        .at(Place::OneMachine),
    variable(
        "KEY_FILE",
        "keys.json in DATA_DIR (local)",
        "/etc/consentmd/keys.json",
        "the file with the keys that wrap data keys; made at first start, mode 0600",
    )
    .at(Place::Emulated),
    variable(
        "BLOBS_DIR",
        "`blobs` in DATA_DIR (local)",
        "/mnt/blobs",
        "the folder for files and audit checkpoints, the same for all instances",
    )
    .at(Place::Emulated),
    variable(
        "PUBLIC_URL",
        "http://HOST:PORT (local); none (google): URLs of files in a folder are paths",
        "https://api.consentmd.com",
        "where clients reach this API, for the signed URLs of files in a folder",
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
        "none: notes are written by the offline engine, unless GEMINI_LOCATION is set",
        "AIza…",
        "the scribe's key of the Gemini API",
    )
    .needed_for(Need::Model),
    variable(
        "GEMINI_LOCATION",
        "none",
        "us-central1",
        "google: the scribe asks Vertex AI in this region, by the service account's own token",
    )
    .at(Place::Google)
    .needed_for(Need::Model),
    variable("GEMINI_MODEL", "gemini-2.5-flash", "gemini-2.5-pro", "the scribe's model").needed_for(Need::Model),
    variable(
        "GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com/v1beta, or Vertex AI's in GEMINI_LOCATION",
        "http://127.0.0.1:9000/v1beta",
        "where the Gemini API is",
    )
    .needed_for(Need::Model),
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
        "whether others may see the page with simulated messages too, sign-in codes and all",
    )
    .at(Place::OneMachine),
    variable("GOOGLE_CLOUD_PROJECT", "none", "my-project", "the project, also for trace links in logs")
        .at(Place::Google),
    variable(
        "REGISTRY_DATABASE",
        "`registry` (local), `(default)` (google)",
        "(default)",
        "the database with the tenants' registry",
    ),
    variable(
        "KMS_KEY_RING",
        "none",
        "projects/my-project/locations/us/keyRings/consentmd",
        "the key ring with each tenant's key, `tenant-<id>`, which wraps data keys; KEY_FILE instead for emulators",
    )
    .at(Place::Google),
    variable(
        "BLOBS_BUCKET",
        "none",
        "my-project-files",
        "the Cloud Storage bucket for files of users; BLOBS_DIR instead for emulators",
    )
    .at(Place::Google)
    .needed_for(Need::Files),
    variable(
        "CHECKPOINTS_BUCKET",
        "none",
        "my-project-audit",
        "the Cloud Storage bucket for audit checkpoints, with a retention policy; BLOBS_DIR instead for emulators",
    )
    .at(Place::Google)
    .needed_for(Need::Checkpoints),
    variable(
        "SIGNING_KEY_PEM",
        "local: signing-key.pem in DATA_DIR, made at first start",
        "-----BEGIN PRIVATE KEY-----…",
        "the P-256 key (PKCS#8) that signs access tokens and checkpoints, from the secret `signing-key`; \
         `consentmd admin ensure-signing-key` makes it",
    )
    .needed_for(Need::Signing),
    variable(
        "VERIFYING_KEYS_PEM",
        "none",
        "-----BEGIN PUBLIC KEY-----…",
        "the public keys that check them, for functions that sign nothing, from the secret `verifying-keys`; \
         `consentmd admin ensure-signing-key` makes it",
    )
    .at(Place::Google),
    variable("FIRESTORE_EMULATOR_HOST", "none", "127.0.0.1:8085", "use this Firestore emulator").at(Place::Emulated),
    variable("PUBSUB_EMULATOR_HOST", "none", "127.0.0.1:8086", "use this Pub/Sub emulator").at(Place::Emulated),
    variable(
        "GOOGLE_APIS_ENDPOINT",
        "Google's own",
        "http://127.0.0.1:9000",
        "use this server for Cloud KMS, Secret Manager and Firestore's Admin API, without credentials",
    )
    .at(Place::Emulated),
    variable(
        "FIRESTORE_LOCATION",
        "nam5",
        "nam5",
        "where `consentmd admin create --new-tenant` makes databases: the location of Terraform's",
    )
    .at(Place::Operators),
    variable("STORAGE_EMULATOR_HOST", "none", "127.0.0.1:9023", "use this Cloud Storage emulator for buckets")
        .at(Place::Emulated),
    variable(
        "TRIGGER_AUDIENCE",
        "none",
        "https://chats.consentmd.internal",
        "the audience of trigger calls' OIDC tokens",
    )
    .at(Place::Google),
    variable(
        "TRIGGER_SERVICE_ACCOUNTS",
        "none",
        "push@my-project.iam.gserviceaccount.com",
        "who may call the trigger paths, with commas between",
    )
    .at(Place::Google),
    variable(
        "IAM_GUARDED",
        "false",
        "true",
        "whether Cloud Run's IAM checks every caller of this service, and takes the signature off the tokens that it has \
         checked; never for a service that anyone may call",
    )
    .at(Place::Google),
    variable(
        "TRIGGER_JWKS_URL",
        "https://www.googleapis.com/oauth2/v3/certs",
        "http://127.0.0.1:9001/certs",
        "the keys that sign trigger calls' tokens",
    )
    .at(Place::Emulated),
    variable("TRIGGER_ISSUER", "Google's", "https://issuer.example", "another issuer of trigger calls' tokens")
        .at(Place::Emulated),
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
