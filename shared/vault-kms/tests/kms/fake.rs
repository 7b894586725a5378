//! A Cloud KMS on this machine that answers as the REST API does: it encrypts, knows versions, checks checksums, and
//! misbehaves when it is told to. Shapes and words of its errors are those of the real one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::{OsRandom, RandomExt, TenantId};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use testkit::FixedClock;
use vault::WrappedKey;
use vault_kms::{KmsConfig, KmsKeys, Patience};

pub(crate) const RING: &str = "projects/p/locations/us/keyRings/consentmd";

/// What happens to one call instead of, or after, what should.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// An error of Google's.
    Status(u16, &'static str, &'static str),
    /// An error of something in between.
    Html(u16),
    /// A bit of what was sent flips on the way there.
    CorruptedThere,
    /// A bit of the answer flips on the way back.
    CorruptedBack,
    /// The checksums get lost on the way there.
    ChecksumsLost,
    /// The checksum gets lost on the way back.
    NoChecksumBack,
    /// An answer with this text in place of the plaintext or ciphertext.
    Nonsense(&'static str),
    /// No answer.
    Silence,
}

struct Version {
    cipher: LessSafeKey,
    state: &'static str,
}

#[derive(Default)]
struct Keys {
    keys: HashMap<String, Vec<Version>>,
    primaries: HashMap<String, usize>,
    faults: VecDeque<Fault>,
    calls: Vec<String>,
    bodies: Vec<Value>,
}

#[derive(Clone)]
pub(crate) struct FakeKms {
    keys: Arc<Mutex<Keys>>,
    address: String,
}

impl FakeKms {
    /// A KMS with a key for each of these tenants.
    pub(crate) async fn start(tenants: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let kms = Self { keys: Arc::default(), address };
        tenants.iter().for_each(|tenant| kms.rotate(tenant));
        let router = Router::new().fallback(answer).with_state(kms.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        kms
    }

    /// Adds a version and makes it primary.
    pub(crate) fn rotate(&self, tenant: &str) {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &OsRandom.bytes::<32>()).unwrap());
        let mut keys = self.keys.lock();
        let versions = keys.keys.entry(name(tenant)).or_default();
        versions.push(Version { cipher, state: "ENABLED" });
        let newest = versions.len();
        keys.primaries.insert(name(tenant), newest);
    }

    pub(crate) fn remove_primary(&self, tenant: &str) {
        self.keys.lock().primaries.remove(&name(tenant));
    }

    pub(crate) fn set_state(&self, tenant: &str, version: usize, state: &'static str) {
        self.keys.lock().keys.get_mut(&name(tenant)).unwrap()[version - 1].state = state;
    }

    /// The next calls go like this.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.keys.lock().faults.extend(faults);
    }

    /// What was called since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.keys.lock().calls)
    }

    /// The bodies of all calls.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.keys.lock().bodies.clone()
    }

    /// What KMS would make of this plaintext in a data key's place.
    pub(crate) fn encrypted_by_hand(&self, tenant: &str, key_id: &str, plain: &[u8]) -> WrappedKey {
        let id: TenantId = tenant.parse().unwrap();
        let bound = vault::associated_data(&id, key_id, &format!("tenant-{tenant}"));
        let body = json!({"plaintext": STANDARD.encode(plain), "additionalAuthenticatedData": STANDARD.encode(bound)});
        let answer = self.keys.lock().encrypt(&name(tenant), &body).unwrap();
        let wrapped_by = format!("tenant-{tenant}/cryptoKeyVersions/1");
        WrappedKey { wrapped_by, bytes: decoded(answer.as_object().unwrap(), "ciphertext") }
    }

    pub(crate) fn config(&self) -> KmsConfig {
        let patience = Patience { attempts: 3, attempt: Duration::from_secs(5), whole: Duration::from_secs(20) };
        KmsConfig::new(RING, Some(self.address.clone())).unwrap().with_patience(patience)
    }

    pub(crate) fn client(&self) -> KmsKeys {
        KmsKeys::new(self.config(), Arc::new(FixedClock::default()))
    }
}

pub(crate) fn name(tenant: &str) -> String {
    format!("{RING}/cryptoKeys/tenant-{tenant}")
}

async fn answer(State(kms): State<FakeKms>, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches("/v1/").to_owned();
    let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    let fault = {
        let mut keys = kms.keys.lock();
        keys.calls.push(path.rsplit_once(':').map_or("get", |(_, verb)| verb).to_owned());
        keys.bodies.push(body.clone());
        keys.faults.pop_front()
    };
    match fault {
        Some(Fault::Status(code, status, message)) => return *error(code, status, message, Vec::new()),
        Some(Fault::Html(code)) => {
            let code = StatusCode::from_u16(code).unwrap();
            return (code, [(header::CONTENT_TYPE, "text/html")], "<html>Error</html>").into_response();
        }
        Some(Fault::Silence) => return std::future::pending().await,
        _ => {}
    }
    let keys = kms.keys.lock();
    let done = match path.rsplit_once(':') {
        Some((key, "encrypt")) => keys.encrypt(key, &damaged_there(body, fault.as_ref())),
        Some((key, "decrypt")) => keys.decrypt(key, &damaged_there(body, fault.as_ref())),
        None => keys.get(&path),
        _ => Err(error(404, "NOT_FOUND", "Method not found.", Vec::new())),
    };
    match done {
        Ok(answer) => axum::Json(damaged_back(answer, fault.as_ref())).into_response(),
        Err(response) => *response,
    }
}

fn damaged_there(mut body: Value, fault: Option<&Fault>) -> Value {
    let fields = body.as_object_mut().unwrap();
    match fault {
        Some(Fault::CorruptedThere) => flip(fields, "additionalAuthenticatedData"),
        Some(Fault::ChecksumsLost) => fields.retain(|name, _| !name.ends_with("Crc32c")),
        _ => {}
    }
    body
}

fn damaged_back(mut answer: Value, fault: Option<&Fault>) -> Value {
    let fields = answer.as_object_mut().unwrap();
    let field = if fields.contains_key("plaintext") { "plaintext" } else { "ciphertext" };
    match fault {
        Some(Fault::CorruptedBack) => flip(fields, field),
        Some(Fault::NoChecksumBack) => drop(fields.remove(&format!("{field}Crc32c"))),
        Some(Fault::Nonsense(text)) => drop(fields.insert(field.to_owned(), json!(text))),
        _ => {}
    }
    answer
}

fn flip(fields: &mut Map<String, Value>, field: &str) {
    let mut bytes = decoded(fields, field);
    bytes[0] ^= 1;
    fields.insert(field.to_owned(), json!(STANDARD.encode(bytes)));
}

fn decoded(fields: &Map<String, Value>, field: &str) -> Vec<u8> {
    STANDARD.decode(fields.get(field).and_then(Value::as_str).unwrap_or_default()).unwrap()
}

/// Whether there is a checksum; a wrong one is an error.
fn verified(fields: &Map<String, Value>, field: &str, snake: &str) -> Result<bool, Box<Response>> {
    let Some(given) = fields.get(&format!("{field}Crc32c")) else {
        return Ok(false);
    };
    // Numbers of 64 bits are strings in Google's JSON.
    if given.as_str() == Some(&crc32c::crc32c(&decoded(fields, field)).to_string()) {
        return Ok(true);
    }
    let message = format!("The checksum in field {snake}_crc32c did not match the data in field {snake}.");
    Err(error(400, "INVALID_ARGUMENT", &message, Vec::new()))
}

fn error(code: u16, status: &str, message: &str, details: Vec<Value>) -> Box<Response> {
    let body = json!({"error": {"code": code, "message": message, "status": status, "details": details}});
    Box::new((StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response())
}

impl Keys {
    fn versions(&self, key: &str) -> Result<&Vec<Version>, Box<Response>> {
        let missing = || error(404, "NOT_FOUND", &format!("CryptoKey {key} not found."), Vec::new());
        self.keys.get(key).ok_or_else(missing)
    }

    fn enabled(&self, key: &str, number: usize) -> Result<&LessSafeKey, Box<Response>> {
        let version = &self.versions(key)?[number - 1];
        if version.state == "ENABLED" {
            return Ok(&version.cipher);
        }
        let subject = format!("{key}/cryptoKeyVersions/{number}");
        let message = format!("{subject} is not enabled, current state is: {}.", version.state);
        let violation = json!({"type": format!("KEY_{}", version.state), "subject": subject});
        let kind = "type.googleapis.com/google.rpc.PreconditionFailure";
        Err(error(400, "FAILED_PRECONDITION", &message, vec![json!({"@type": kind, "violations": [violation]})]))
    }

    fn encrypt(&self, key: &str, body: &Value) -> Result<Value, Box<Response>> {
        let fields = body.as_object().unwrap();
        self.versions(key)?;
        let number = self.primaries[key];
        let cipher = self.enabled(key, number)?;
        let plaintext_verified = verified(fields, "plaintext", "plaintext")?;
        let bound_verified = verified(fields, "additionalAuthenticatedData", "additional_authenticated_data")?;
        let nonce: [u8; NONCE_LEN] = OsRandom.bytes();
        let mut sealed = decoded(fields, "plaintext");
        let bound = Aad::from(decoded(fields, "additionalAuthenticatedData"));
        cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed).unwrap();
        let ciphertext = [&[number as u8][..], &nonce, &sealed].concat();
        let mut answer = json!({
            "name": format!("{key}/cryptoKeyVersions/{number}"),
            "ciphertext": STANDARD.encode(&ciphertext),
            "ciphertextCrc32c": crc32c::crc32c(&ciphertext).to_string(),
            "protectionLevel": 1
        });
        // What is false is left out.
        for (name, value) in [
            ("verifiedPlaintextCrc32c", plaintext_verified),
            ("verifiedAdditionalAuthenticatedDataCrc32c", bound_verified),
        ] {
            if value {
                answer[name] = json!(true);
            }
        }
        Ok(answer)
    }

    fn decrypt(&self, key: &str, body: &Value) -> Result<Value, Box<Response>> {
        let fields = body.as_object().unwrap();
        let versions = self.versions(key)?;
        verified(fields, "ciphertext", "ciphertext")?;
        verified(fields, "additionalAuthenticatedData", "additional_authenticated_data")?;
        let refused = |message| error(400, "INVALID_ARGUMENT", message, Vec::new());
        let ciphertext = decoded(fields, "ciphertext");
        let number = usize::from(ciphertext.first().copied().unwrap_or_default());
        if number == 0 || number > versions.len() || ciphertext.len() < 1 + NONCE_LEN + 16 {
            return Err(refused("Decryption failed: the ciphertext is invalid."));
        }
        let cipher = self.enabled(key, number)?;
        let (nonce, sealed) = ciphertext[1..].split_at(NONCE_LEN);
        let mut sealed = sealed.to_vec();
        let bound = Aad::from(decoded(fields, "additionalAuthenticatedData"));
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let plain = cipher
            .open_in_place(nonce, bound, &mut sealed)
            .map_err(|_| refused("Decryption failed: verify that 'name' refers to the correct CryptoKey."))?;
        Ok(json!({
            "plaintext": STANDARD.encode(&*plain),
            "plaintextCrc32c": crc32c::crc32c(plain).to_string(),
            "usedPrimary": self.primaries.get(key) == Some(&number),
            "protectionLevel": 1
        }))
    }

    fn get(&self, key: &str) -> Result<Value, Box<Response>> {
        self.versions(key)?;
        let mut answer = json!({
            "name": key,
            "purpose": 1,
            "createTime": "2026-01-15T10:00:00.000000000Z",
            "versionTemplate": {"protectionLevel": 1, "algorithm": 1},
            "destroyScheduledDuration": "2592000s"
        });
        if let Some(number) = self.primaries.get(key) {
            answer["primary"] = json!({
                "name": format!("{key}/cryptoKeyVersions/{number}"),
                "state": 1,
                "protectionLevel": 1,
                "algorithm": 1,
                "createTime": "2026-01-15T10:00:00.000000000Z"
            });
        }
        Ok(answer)
    }
}
