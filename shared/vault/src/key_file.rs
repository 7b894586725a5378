use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::{Random, RandomExt, TenantId};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::local_keys::LocalKeys;
use crate::secret_file::{self, SecretFileError};
use crate::{DataKeyBytes, Error, KeyWrap, WrappedKey};

/// The [`KeyWrap`] of one machine: a JSON file with one or more 256-bit master keys, made at the first start.
///
/// `{"current":"a1","keys":{"a1":"<32 bytes in base64>"}}`. To rotate, add a key and name it `current`; a key may go
/// when no data key is wrapped by it any more. Whoever loses this file loses every sealed field: back it up, apart from
/// the data.
#[derive(Debug)]
pub struct KeyFile(LocalKeys);

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made, or is open to others.
    #[error("the key file cannot be used")]
    File(#[from] SecretFileError),
    /// The file is not what a key file looks like.
    #[error("{} is no key file: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    current: String,
    keys: BTreeMap<String, String>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

impl KeyFile {
    /// The key file at `path`, made with a new master key where there is none.
    pub fn open_or_create(path: &Path, random: Arc<dyn Random>) -> Result<Self, KeyFileError> {
        let text = secret_file::open_or_create(path, random.as_ref(), || new_content(random.as_ref()))?;
        let malformed = |problem: String| KeyFileError::Malformed { path: path.to_owned(), problem };
        let content = parse(&text).map_err(malformed)?;
        let mut keys = BTreeMap::new();
        for (id, encoded) in &content.keys {
            let bytes = STANDARD.decode(encoded).ok().map(Zeroizing::new);
            let key = bytes.and_then(|bytes| DataKeyBytes::from_slice(&bytes));
            keys.insert(id.clone(), key.ok_or_else(|| malformed(format!("key \"{id}\" is not 32 bytes in base64")))?);
        }
        LocalKeys::new(&content.current, &keys, random)
            .map(Self)
            .ok_or_else(|| malformed(format!("its current key \"{}\" is not among its keys", content.current)))
    }
}

#[async_trait]
impl KeyWrap for KeyFile {
    async fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error> {
        self.0.wrap(tenant, key_id, data_key)
    }

    async fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error> {
        self.0.unwrap(tenant, key_id, wrapped)
    }

    fn name(&self) -> &'static str {
        "key-file"
    }
}

/// The message of a parse error could quote a key, so only the place in the file is told.
fn parse(text: &str) -> Result<Content, String> {
    serde_json::from_str(text).map_err(|error| {
        format!(
            "its JSON is wrong at line {}, column {}; it has the fields current and keys",
            error.line(),
            error.column()
        )
    })
}

fn new_content(random: &dyn Random) -> Zeroizing<String> {
    let id = random.uuid().to_string();
    let key = Zeroizing::new(STANDARD.encode(DataKeyBytes::generate(random).expose()));
    let text = format!("{{\n  \"current\": \"{id}\",\n  \"keys\": {{\n    \"{id}\": \"{}\"\n  }}\n}}\n", key.as_str());
    Zeroizing::new(text)
}
