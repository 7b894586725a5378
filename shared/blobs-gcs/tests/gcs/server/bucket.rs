use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use kernel::{Clock, Time};
use serde_json::{Value, json};

use super::answers::{DENIED, NO_BUCKET, PRECONDITION, RETAINED, Refusal};

/// What holds for all objects of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    #[default]
    Open,
    /// Nothing may be replaced or deleted.
    Retained,
    /// The caller may do nothing.
    Denied,
    /// There is no bucket.
    Gone,
}

#[derive(Debug, Clone)]
pub struct Object {
    pub content: Bytes,
    pub crc32c: String,
    pub content_type: String,
    pub metadata: BTreeMap<String, String>,
    pub generation: i64,
    pub created: Time,
}

/// An upload in pieces that is under way.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pub name: String,
    pub if_generation: Option<i64>,
    pub about: Value,
    pub content: Vec<u8>,
    pub done: Option<Object>,
}

pub struct Bucket {
    pub name: &'static str,
    clock: Arc<dyn Clock>,
    rule: Mutex<Rule>,
    objects: Mutex<BTreeMap<String, Object>>,
    pub sessions: Mutex<HashMap<String, Session>>,
    generations: AtomicI64,
}

impl Bucket {
    pub fn new(name: &'static str, clock: Arc<dyn Clock>) -> Self {
        let generations = AtomicI64::new(1_700_000_000_000_000);
        Self { name, clock, rule: Mutex::default(), objects: Mutex::default(), sessions: Mutex::default(), generations }
    }

    pub fn rule(&self, rule: Rule) {
        *self.rule.lock().unwrap() = rule;
    }

    pub fn allows(&self) -> Result<(), Refusal> {
        match *self.rule.lock().unwrap() {
            Rule::Denied => Err(DENIED),
            Rule::Gone => Err(NO_BUCKET),
            Rule::Open | Rule::Retained => Ok(()),
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn find(&self, name: &str) -> Option<Object> {
        self.objects.lock().unwrap().get(name).cloned()
    }

    /// Whether an object of this name may come, as far as is known before its content is there.
    pub fn admits(&self, name: &str, if_generation: Option<i64>) -> Result<(), Refusal> {
        self.allows()?;
        self.check(self.objects.lock().unwrap().get(name), if_generation)
    }

    fn check(&self, there: Option<&Object>, if_generation: Option<i64>) -> Result<(), Refusal> {
        if if_generation.is_some_and(|wanted| wanted != there.map_or(0, |object| object.generation)) {
            return Err(PRECONDITION);
        }
        let is_retained = *self.rule.lock().unwrap() == Rule::Retained;
        if there.is_some() && is_retained { Err(RETAINED) } else { Ok(()) }
    }

    /// Makes the object, at once for everybody.
    pub fn store(
        &self,
        name: &str,
        if_generation: Option<i64>,
        about: &Value,
        content: Bytes,
    ) -> Result<Object, Refusal> {
        self.allows()?;
        let mut objects = self.objects.lock().unwrap();
        self.check(objects.get(name), if_generation)?;
        let metadata = about["metadata"].as_object().cloned().unwrap_or_default();
        let object = Object {
            crc32c: hash(&content),
            content,
            content_type: about["contentType"].as_str().unwrap_or("application/octet-stream").to_owned(),
            metadata: metadata.into_iter().map(|(key, text)| (key, text.as_str().unwrap().to_owned())).collect(),
            generation: self.generations.fetch_add(1, Ordering::Relaxed),
            created: self.clock.now(),
        };
        objects.insert(name.to_owned(), object.clone());
        Ok(object)
    }

    pub fn remove(&self, name: &str) -> Result<(), Refusal> {
        self.allows()?;
        let mut objects = self.objects.lock().unwrap();
        if !objects.contains_key(name) {
            return Err(super::answers::MISSING);
        }
        self.check(objects.get(name), None)?;
        objects.remove(name);
        Ok(())
    }

    /// The object as the JSON API describes it.
    pub fn described(&self, name: &str, object: &Object) -> Value {
        let created = Timestamp::from_millisecond(object.created.as_millis()).unwrap();
        json!({
            "kind": "storage#object",
            "id": format!("{}/{name}/{}", self.name, object.generation),
            "name": name,
            "bucket": self.name,
            "generation": object.generation.to_string(),
            "metageneration": "1",
            "contentType": object.content_type,
            "storageClass": "STANDARD",
            "size": object.content.len().to_string(),
            "crc32c": object.crc32c,
            "timeCreated": created.to_string(),
            "updated": created.to_string(),
            "metadata": object.metadata,
        })
    }
}

/// CRC32C as Cloud Storage writes it.
pub fn hash(content: &[u8]) -> String {
    STANDARD.encode(crc32c(content).to_be_bytes())
}

fn crc32c(content: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    let table: Vec<u32> = (0..256).map(|byte| (0..8).fold(byte, |crc, _| step(crc))).collect();
    !content.iter().fold(u32::MAX, |crc, byte| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

#[test]
fn the_servers_checksum_is_crc32c() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
