use super::*;

fn read(platform: PlatformKind, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    read_for(platform, &Need::ALL, vars)
}

fn read_for(platform: PlatformKind, needs: &[Need], vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::from_vars(platform, &needs.iter().copied().collect(), vars)
}

fn key() -> SigningKeys {
    SigningKeys::generate().unwrap()
}

/// What a function on Google Cloud is told in any case.
const DEPLOYED: [(&str, &str); 4] = [
    ("GOOGLE_CLOUD_PROJECT", "p"),
    ("KMS_KEY_RING", "projects/p/locations/us/keyRings/consentmd"),
    ("TRIGGER_AUDIENCE", "https://chats.consentmd.internal"),
    ("TRIGGER_SERVICE_ACCOUNTS", "push@p.iam.gserviceaccount.com"),
];

fn deployed(needs: &[Need], more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    read_for(PlatformKind::Google, needs, &[DEPLOYED.as_slice(), more].concat())
}

#[test]
fn a_function_wants_what_its_needs_call_for() {
    let (pem, public) = (key().to_pem().to_string(), key().public_pem());
    let config = deployed(&[], &[("VERIFYING_KEYS_PEM", &public)]).unwrap();
    assert_eq!((config.blobs, config.checkpoints), (None, None));
    assert!(matches!(config.token_keys, TokenKeys::Verifying(_)));
    assert_eq!(config.key_keeper, KeyKeeper::Kms("projects/p/locations/us/keyRings/consentmd".to_owned()));

    let signing = [("SIGNING_KEY_PEM", pem.as_str()), ("BLOBS_BUCKET", "files"), ("CHECKPOINTS_BUCKET", "audit")];
    let config = deployed(&[Need::Signing, Need::Files, Need::Checkpoints], &signing).unwrap();
    let bucket = |name: &str| Some(BlobPlace::Bucket(name.to_owned()));
    assert_eq!((config.blobs, config.checkpoints), (bucket("files"), bucket("audit")));
    assert!(matches!(config.token_keys, TokenKeys::Signing(_)));

    let problems = deployed(&[Need::Signing, Need::Files, Need::Checkpoints], &[]).unwrap_err().0;
    for (problem, name) in problems.iter().zip(["BLOBS_BUCKET", "CHECKPOINTS_BUCKET", "SIGNING_KEY_PEM"]) {
        assert!(problem.starts_with(&format!("{name} is not set: ")), "{problems:?}");
    }
    let problems = deployed(&[], &[("VERIFYING_KEYS_PEM", "not made yet")]).unwrap_err().0;
    assert!(problems.len() == 1 && problems[0].contains("ensure-signing-key"), "{problems:?}");
}

#[test]
fn a_command_needs_nothing_that_only_callers_need() {
    let vars = DEPLOYED[..2].iter().chain(&[("BLOBS_BUCKET", "b"), ("CHECKPOINTS_BUCKET", "c")]);
    let vars: BTreeMap<_, _> = vars.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let needs = Needs::from(Need::ALL);
    let config = Config::read(PlatformKind::Google, &needs, Reader::new(vars.clone(), false)).unwrap();
    assert!(matches!(config.token_keys, TokenKeys::File));
    assert_eq!(Config::from_vars(PlatformKind::Google, &needs, vars).unwrap_err().0.len(), 3);
}

#[test]
fn vertex_ai_is_asked_by_the_service_account() {
    let public = key().public_pem();
    let with = |more: &[(&'static str, &'static str)]| {
        deployed(&[Need::Model], &[[("VERIFYING_KEYS_PEM", public.as_str())].as_slice(), more].concat())
    };
    let config = with(&[("GEMINI_LOCATION", "us-central1")]).unwrap();
    assert_eq!(config.vertex_location.as_deref(), Some("us-central1"));
    assert_eq!(with(&[]).unwrap().vertex_location, None);
    let problems = with(&[("GEMINI_LOCATION", "us-central1"), ("GEMINI_API_KEY", "AIza")]).unwrap_err().to_string();
    assert!(problems.contains("exclude each other"), "{problems}");
    assert!(with(&[("GEMINI_LOCATION", "evil.example/x")]).is_err());
}

#[test]
fn a_bucket_and_a_folder_exclude_each_other_and_so_do_key_ring_and_file() {
    let (public, files) = (key().public_pem(), [Need::Files]);
    let vars =
        [("VERIFYING_KEYS_PEM", public.as_str()), ("BLOBS_BUCKET", "b"), ("BLOBS_DIR", "/b"), ("KEY_FILE", "/k")];
    let problems = deployed(&files, &vars).unwrap_err().0;
    assert_eq!(problems.len(), 2, "{problems:?}");
    let ring = [("KMS_KEY_RING", "consentmd")];
    let problems = read(PlatformKind::Google, &ring).unwrap_err().to_string();
    assert!(problems.contains("KMS_KEY_RING has a value that cannot be used"), "{problems}");
}

#[test]
fn each_variable_stands_once_and_says_where_it_counts() {
    let mut names: Vec<_> = Config::VARIABLES.iter().map(|variable| variable.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Config::VARIABLES.len());
    let deployed = |needs: &[Need]| -> Vec<_> {
        let needs = needs.iter().copied().collect();
        Config::VARIABLES.iter().filter(|variable| variable.is_deployed(&needs)).map(|variable| variable.name).collect()
    };
    let (few, all) = (deployed(&[]), deployed(&Need::ALL));
    for name in ["SIGNING_KEY_PEM", "BLOBS_BUCKET", "CHECKPOINTS_BUCKET", "GEMINI_LOCATION"] {
        assert!(!few.contains(&name) && all.contains(&name), "{name}");
    }
    assert!(!all.contains(&"KEY_FILE") && !all.contains(&"DATA_DIR") && few.contains(&"KMS_KEY_RING"));
}

#[test]
fn nothing_needs_to_be_set_on_one_machine() {
    let config = read(PlatformKind::Local, &[]).unwrap();
    assert_eq!((config.port, config.host.is_loopback()), (8080, true));
    assert_eq!(config.settings.default_tenant.unwrap().as_str(), "demo");
}

#[test]
fn all_problems_are_told_at_once_with_an_example() {
    let error = read(PlatformKind::Google, &[("PORT", "eighty"), ("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")]).unwrap_err();
    let text = error.to_string();
    for name in [
        "PORT has",
        "GOOGLE_CLOUD_PROJECT is",
        "SIGNING_KEY_PEM is",
        "KMS_KEY_RING is",
        "BLOBS_BUCKET is",
        "CHECKPOINTS_BUCKET is",
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
    let folder = |path: &str| Some(BlobPlace::Folder(path.into()));
    assert_eq!((config.blobs, config.public_url.as_str()), (folder("d/blobs"), "http://127.0.0.1:81"));
    let vars = [("BLOBS_DIR", "/mnt/b"), ("PUBLIC_URL", "https://api.example/")];
    let config = read(PlatformKind::Local, &vars).unwrap();
    assert_eq!((config.checkpoints, config.public_url.as_str()), (folder("/mnt/b"), "https://api.example"));
    assert!(read(PlatformKind::Local, &[("PUBLIC_URL", "api.example")]).is_err());
}

#[test]
fn secrets_are_not_printed() {
    let config = read(PlatformKind::Local, &[("GEMINI_API_KEY", "AIzaCanary")]).unwrap();
    assert!(!format!("{config:?}").contains("Canary"));
}
