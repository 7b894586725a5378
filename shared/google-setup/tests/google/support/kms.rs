//! Cloud KMS' keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use google_setup::GoogleProject;
use serde_json::{Value, json};

use super::{Answer, QUICK, Request, Service, refusal, serve};

#[derive(Default)]
pub(crate) struct FakeKms {
    pub(crate) keys: Mutex<BTreeMap<String, Value>>,
    pub(crate) requests: Mutex<Vec<Request>>,
    pub(crate) refuses: Mutex<Option<(u16, &'static str)>>,
}

impl FakeKms {
    pub(crate) async fn start() -> (Arc<Self>, GoogleProject) {
        let fake = Arc::new(Self::default());
        let project = serve(fake.clone(), QUICK).await;
        (fake, project)
    }
}

impl Service for FakeKms {
    fn answer(&self, request: Request) -> Answer {
        self.requests.lock().unwrap().push(request.clone());
        if let Some((status, code)) = *self.refuses.lock().unwrap() {
            return refusal(status, code, "Permission 'cloudkms.cryptoKeys.create' denied");
        }
        let mut keys = self.keys.lock().unwrap();
        let name = request.name().to_owned();
        if request.method == "GET" {
            let missing = || (404, "NOT_FOUND", format!("CryptoKey {name} not found."));
            return keys.get(&name).cloned().ok_or_else(missing);
        }
        if !name.starts_with("projects/p/locations/us/keyRings/tenants/") {
            return refusal(404, "NOT_FOUND", "KeyRing not found.");
        }
        let name = format!("{name}/{}", request.query["cryptoKeyId"]);
        if keys.contains_key(&name) {
            return refusal(409, "ALREADY_EXISTS", format!("CryptoKey {name} already exists."));
        }
        let mut key = request.body;
        key["name"] = json!(name);
        key["primary"] = json!({"name": format!("{name}/cryptoKeyVersions/1"), "state": 1});
        keys.insert(name, key.clone());
        Ok(key)
    }
}
