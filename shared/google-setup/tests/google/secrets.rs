//! The port of secrets against a server that answers as Secret Manager does, and in memory.

use std::sync::Arc;

use crate::support::secrets::{FakeSecretManager, Stored};
use google_setup::{GoogleSecrets, InMemorySecrets, SecretText, Secrets, SetupError, VersionState};
use kernel::SystemClock;

/// What both do alike.
async fn conform(secrets: &dyn Secrets, from: u64) {
    let secret = "signing-key";
    let first = secrets.add(secret, &SecretText::new("one")).await.unwrap();
    assert_eq!(first, from);
    let second = secrets.add(secret, &SecretText::new("zwei \u{e4}")).await.unwrap();
    assert_eq!(second, from + 1);
    let (latest, text) = secrets.latest(secret).await.unwrap().unwrap();
    assert_eq!((latest.number, text.reveal()), (second, "zwei \u{e4}"));
    assert_eq!(secrets.read(secret, first).await.unwrap().reveal(), "one");

    secrets.disable(secret, second).await.unwrap();
    assert!(secrets.read(secret, second).await.is_err());
    assert_eq!(secrets.latest(secret).await.unwrap().unwrap().0.number, first);
    secrets.destroy(secret, first).await.unwrap();
    let states: Vec<_> = secrets.list(secret).await.unwrap().iter().map(|v| (v.number, v.state)).take(2).collect();
    assert_eq!(states, [(second, VersionState::Disabled), (first, VersionState::Destroyed)]);
    assert!(secrets.list("other").await.is_err());
}

#[tokio::test]
async fn google_and_memory_do_alike() {
    let (_fake, project) = FakeSecretManager::start().await;
    let google = GoogleSecrets::new(project);
    assert!(google.latest("signing-key").await.unwrap().is_none());
    conform(&google, 1).await;
    let memory = InMemorySecrets::new(Arc::new(SystemClock)).with("signing-key", "not made yet");
    conform(&memory, 2).await;
    assert_eq!(memory.latest("signing-key").await.unwrap().unwrap().1.reveal(), "not made yet");
}

#[tokio::test]
async fn checksums_go_both_ways() {
    let (fake, project) = FakeSecretManager::start().await;
    let secrets = GoogleSecrets::new(project);
    secrets.add("signing-key", &SecretText::new("123456789")).await.unwrap();
    let sent = fake.requests.lock().unwrap().iter().find(|r| r.is_change()).unwrap().clone();
    assert_eq!(sent.body["payload"], serde_json::json!({"data": "MTIzNDU2Nzg5", "dataCrc32c": "3808858755"}));

    let damaged = Stored { state: 1, data: "MTIzNDU2Nzg4".to_owned(), checksum: "3808858755".to_owned() };
    fake.secrets.lock().unwrap().get_mut("signing-key").unwrap().push(damaged);
    let error = secrets.read("signing-key", 2).await.unwrap_err();
    assert!(matches!(error, SetupError::Damaged { .. }), "{error}");
    assert!(!error.to_string().contains("12345678"), "{error}");

    *fake.ignores_checksums.lock().unwrap() = true;
    let error = secrets.add("signing-key", &SecretText::new("x")).await.unwrap_err();
    assert!(matches!(error, SetupError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_secret_that_terraform_has_not_made_is_told_so() {
    let (_fake, project) = FakeSecretManager::start().await;
    let error = GoogleSecrets::new(project).list("verifying-keys").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "projects/p/secrets/verifying-keys does not exist: terraform apply makes the secret, with a first version"
    );
}
