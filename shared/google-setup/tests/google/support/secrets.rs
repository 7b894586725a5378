//! Secret Manager.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use google_setup::GoogleProject;
use serde_json::{Value, json};

use super::{Answer, QUICK, Request, Service, refusal, serve};

/// A version: its state as a number, its text in base64, its checksum.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) state: u8,
    pub(crate) data: String,
    pub(crate) checksum: String,
}

#[derive(Default)]
pub(crate) struct FakeSecretManager {
    pub(crate) secrets: Mutex<BTreeMap<String, Vec<Stored>>>,
    pub(crate) requests: Mutex<Vec<Request>>,
    pub(crate) ignores_checksums: Mutex<bool>,
}

impl FakeSecretManager {
    pub(crate) async fn start() -> (Arc<Self>, GoogleProject) {
        let fake = Arc::new(Self::default());
        fake.secrets.lock().unwrap().insert("signing-key".to_owned(), Vec::new());
        let project = serve(fake.clone(), QUICK).await;
        (fake, project)
    }
}

fn told(secret: &str, number: usize, stored: &Stored) -> Value {
    json!({"name": format!("projects/123456/secrets/{secret}/versions/{number}"), "createTime": "2026-01-05T10:00:00.123456Z",
        "state": stored.state, "replicationStatus": {"automatic": {}}, "etag": "\"1632d3b2d2a9a0\"",
        "clientSpecifiedPayloadChecksum": true})
}

impl Service for FakeSecretManager {
    fn answer(&self, request: Request) -> Answer {
        self.requests.lock().unwrap().push(request.clone());
        let mut secrets = self.secrets.lock().unwrap();
        let name = request.name().strip_prefix("projects/p/secrets/").unwrap().to_owned();
        let (resource, verb) = name.split_once(':').unwrap_or((&name, ""));
        let parts: Vec<&str> = resource.split('/').collect();
        let missing = || (404, "NOT_FOUND", format!("Secret [projects/123456/secrets/{}] not found.", parts[0]));
        let versions = secrets.get_mut(parts[0]).ok_or_else(missing)?;
        match (verb, parts.as_slice()) {
            ("", [secret, "versions"]) => {
                let all = versions.iter().enumerate().rev().map(|(index, stored)| told(secret, index + 1, stored));
                Ok(json!({"versions": all.collect::<Vec<_>>(), "totalSize": versions.len()}))
            }
            ("addVersion", [secret]) => {
                let payload = &request.body["payload"];
                let text = |name: &str| payload[name].as_str().unwrap().to_owned();
                versions.push(Stored { state: 1, data: text("data"), checksum: text("dataCrc32c") });
                let mut answer = told(secret, versions.len(), versions.last().unwrap());
                answer["clientSpecifiedPayloadChecksum"] = json!(!*self.ignores_checksums.lock().unwrap());
                Ok(answer)
            }
            (_, [secret, "versions", number]) => {
                let number: usize = number.parse().unwrap();
                let stored = &mut versions[number - 1];
                match verb {
                    "access" if stored.state == 1 => Ok(json!({
                        "name": format!("projects/123456/secrets/{secret}/versions/{number}"),
                        "payload": {"data": stored.data, "dataCrc32c": stored.checksum}})),
                    "access" => refusal(400, "FAILED_PRECONDITION", "Secret Version is in DISABLED state."),
                    "disable" | "destroy" => {
                        stored.state = if verb == "disable" { 2 } else { 3 };
                        Ok(told(secret, number, stored))
                    }
                    other => refusal(400, "INVALID_ARGUMENT", other),
                }
            }
            other => refusal(400, "INVALID_ARGUMENT", format!("{other:?}")),
        }
    }
}
