//! A key of KMS gets a new version while data keys are stored.

use std::sync::Arc;
use std::time::Duration;

use kernel::{OsRandom, Phi};
use testkit::TestApp;
use vault::{Error, KeyWrap, Place, Subject, Vault};
use vault_kms::KmsKeys;

use crate::fake::FakeKms;

fn chat(number: usize) -> Subject {
    Subject::Chat(format!("c{number}").parse().unwrap())
}

struct Scene {
    app: TestApp,
    kms: FakeKms,
    keys: Arc<KmsKeys>,
    vault: Vault,
}

/// A store, and a vault on a KMS that has the tenant's key.
async fn scene() -> Scene {
    let app = TestApp::on_sqlite(Vec::new()).await;
    let kms = FakeKms::start(&[app.tenant.as_str()]).await;
    let keys = Arc::new(KmsKeys::new(kms.config(), app.clock.clone()));
    let vault = Vault::new(keys.clone(), Arc::new(OsRandom), app.clock.clone());
    Scene { app, kms, keys, vault }
}

impl Scene {
    fn version(&self, number: u32) -> String {
        format!("tenant-{}/cryptoKeyVersions/{number}", self.app.tenant)
    }

    async fn counted(&self) -> Vec<(String, u64)> {
        self.vault.count_keys(&self.app.store).await.unwrap().wrapped_by.into_iter().collect()
    }

    /// A process that has nothing at hand.
    fn started_later(&self) -> Vault {
        let keys = KmsKeys::new(self.kms.config(), self.app.clock.clone());
        Vault::new(Arc::new(keys), Arc::new(OsRandom), self.app.clock.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_keys_move_to_the_new_version_and_open_what_they_sealed() {
    let scene = scene().await;
    let (store, vault) = (&scene.app.store, &scene.vault);
    let mut sealed = Vec::new();
    for number in 0..12 {
        let key = vault.ensure_key(store, &chat(number)).await.unwrap();
        let text = Phi::new(format!("message {number}"));
        sealed.push(key.seal(&Place::new(&scene.app.tenant, "messages", "m", "content"), &text));
    }
    assert_eq!(scene.counted().await, [(scene.version(1), 12)]);
    assert_eq!(vault.rewrap(store, u64::MAX).await.unwrap().rewrapped, 0, "nothing is due");

    // Ten versions, so that a version's number has two digits: "10" comes before "9" as text does.
    (0..10).for_each(|_| scene.kms.rotate(scene.app.tenant.as_str()));
    scene.app.clock.advance(Duration::from_secs(60));
    vault.ensure_key(store, &chat(12)).await.unwrap();
    assert_eq!(scene.counted().await, [(scene.version(1), 12), (scene.version(11), 1)]);
    let done = vault.rewrap(store, u64::MAX).await.unwrap();
    assert_eq!((done.rewrapped, done.failed, done.is_done), (12, 0, true));
    assert_eq!(scene.counted().await, [(scene.version(11), 13)]);

    scene.kms.set_state(scene.app.tenant.as_str(), 1, "DESTROYED");
    let later = scene.started_later();
    for (number, sealed) in sealed.iter().enumerate() {
        let key = later.key(store, &chat(number)).await.unwrap();
        let place = Place::new(&scene.app.tenant, "messages", "m", "content");
        assert_eq!(key.open(&place, sealed).unwrap().into_disclosed(), format!("message {number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_destroyed_version_wrapped_is_told_and_the_rest_goes_on() {
    let scene = scene().await;
    let (store, vault) = (&scene.app.store, &scene.vault);
    let tenant = scene.app.tenant.as_str();
    vault.ensure_key(store, &chat(0)).await.unwrap();
    scene.kms.rotate(tenant);
    vault.ensure_key(store, &chat(1)).await.unwrap();
    scene.kms.set_state(tenant, 1, "DESTROYED");
    scene.kms.rotate(tenant);
    let done = vault.rewrap(store, u64::MAX).await.unwrap();
    assert_eq!((done.rewrapped, done.failed), (1, 1));
    assert!(matches!(&done.problems[0], Error::KeyServiceRefused { key_id, .. } if key_id == "chat_c0"));
    assert_eq!(scene.counted().await, [(scene.version(1), 1), (scene.version(3), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_version_is_primary_is_remembered_for_a_minute() {
    let scene = scene().await;
    let (tenant, keys) = (&scene.app.tenant, &scene.keys);
    assert_eq!(keys.current(tenant).await.unwrap(), scene.version(1));
    scene.kms.rotate(tenant.as_str());
    scene.app.clock.advance(Duration::from_secs(59));
    assert_eq!(keys.current(tenant).await.unwrap(), scene.version(1));
    assert_eq!(scene.kms.calls().len(), 1);
    scene.app.clock.advance(Duration::from_secs(1));
    assert_eq!(keys.current(tenant).await.unwrap(), scene.version(2));
    assert_eq!(scene.kms.calls(), ["get"]);
}
