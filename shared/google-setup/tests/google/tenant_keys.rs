//! Tenants' keys against a server that answers as Cloud KMS does.

use std::sync::Arc;

use crate::support::kms::FakeKms;
use google_setup::{Made, Protection, SetupError, TenantKeys};
use kernel::{Clock, TenantId, Time};
use serde_json::json;

const RING: &str = "projects/p/locations/us/keyRings/tenants";
const KEY: &str = "projects/p/locations/us/keyRings/tenants/cryptoKeys/tenant-north";

struct At(Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(At("2026-01-01T00:00:00Z".parse().unwrap()))
}

fn north() -> TenantId {
    "north".parse().unwrap()
}

#[tokio::test]
async fn a_key_is_made_once_and_rotates() {
    let (fake, project) = FakeKms::start().await;
    let keys = TenantKeys::new(project.clone(), RING, Protection::Software, clock());
    assert_eq!(keys.check(&north()).await.unwrap()[0].to_string(), format!("key is missing, not {KEY}"));
    assert_eq!(keys.ensure(&north()).await.unwrap(), Made::Made);
    assert_eq!(keys.ensure(&north()).await.unwrap(), Made::WasThere);
    assert!(keys.check(&north()).await.unwrap().is_empty());
    let made: Vec<_> = fake.requests.lock().unwrap().iter().filter(|r| r.is_change()).cloned().collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].name(), made[0].query["cryptoKeyId"].as_str()), (&KEY[..KEY.len() - 13], "tenant-north"));
    // ENCRYPT_DECRYPT; GOOGLE_SYMMETRIC_ENCRYPTION, SOFTWARE; 90 days, from now on; 30 days.
    assert_eq!(
        made[0].body,
        json!({"purpose": 1, "versionTemplate": {"algorithm": 1, "protectionLevel": 1}, "rotationPeriod": "7776000s",
            "nextRotationTime": "2026-04-01T00:00:00Z", "destroyScheduledDuration": "2592000s"})
    );
    let keys = TenantKeys::new(project, RING, Protection::Hsm, clock());
    keys.ensure(&"south".parse().unwrap()).await.unwrap();
    assert_eq!(
        fake.keys.lock().unwrap()[&KEY.replace("north", "south")]["versionTemplate"]["protectionLevel"],
        json!(2)
    );
}

#[tokio::test]
async fn a_key_that_cannot_wrap_is_refused() {
    let (fake, project) = FakeKms::start().await;
    let disabled = json!({"name": KEY, "purpose": "ENCRYPT_DECRYPT", "primary": {"state": "DISABLED"}});
    fake.keys.lock().unwrap().insert(KEY.to_owned(), disabled);
    let keys = TenantKeys::new(project, RING, Protection::Software, clock());
    let error = keys.ensure(&north()).await.unwrap_err();
    assert!(matches!(error, SetupError::Differs { .. }), "{error}");
    assert!(error.to_string().ends_with("primary version is DISABLED, not ENABLED"), "{error}");
    let signs = json!({"name": KEY, "purpose": "ASYMMETRIC_SIGN"});
    fake.keys.lock().unwrap().insert(KEY.to_owned(), signs);
    assert!(keys.ensure(&north()).await.unwrap_err().to_string().contains("purpose is ASYMMETRIC_SIGN"));
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let (fake, project) = FakeKms::start().await;
    let elsewhere =
        TenantKeys::new(project.clone(), "projects/p/locations/us/keyRings/none", Protection::Software, clock());
    let error = elsewhere.ensure(&north()).await.unwrap_err().to_string();
    assert!(error.starts_with("projects/p/locations/us/keyRings/none does not exist: terraform apply"), "{error}");
    let keys = TenantKeys::new(project, RING, Protection::Software, clock());
    let long: TenantId = "a".repeat(57).parse().unwrap();
    assert!(keys.ensure(&long).await.unwrap_err().to_string().contains("choose a shorter tenant id"));
    *fake.refuses.lock().unwrap() = Some((403, "PERMISSION_DENIED"));
    let error = keys.ensure(&north()).await.unwrap_err().to_string();
    assert!(error.contains("cloudkms.cryptoKeys.create and .get (roles/cloudkms.admin)"), "{error}");
}
