use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::{Clock, Random, RandomExt, TenantId, Time};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::local_keys::LocalKeys;
use crate::secret_file::{self, Mark, SecretFileError};
use crate::{DataKeyBytes, Error, KeyWrap, WrappedKey};

/// How old a process's knowledge of the file may be when it wraps.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
/// How long a key stays after it was replaced: for processes that do not know yet, and for what they wrapped and have
/// still to store.
const KEPT_AFTER_REPLACED: Duration = Duration::from_secs(10 * 60);

/// The [`KeyWrap`] of one machine: a JSON file with one or more 256-bit wrapping keys, made at the first start.
///
/// `{"current":"a1","keys":{"a1":"<32 bytes in base64>"}}`. [`KeyFile::rotate`] adds a key, [`KeyFile::retire`] removes
/// one that wraps nothing any more. A process that has the file open notices: within five seconds when it wraps, at once
/// when it meets a data key wrapped by a key that it does not know. Whoever loses this file loses every sealed field: back
/// it up, apart from the data.
pub struct KeyFile {
    path: PathBuf,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

/// What was read of the file.
struct Known {
    keys: Arc<LocalKeys>,
    mark: Mark,
    looked_at: Time,
}

/// A key of a key file, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappingKey {
    /// Its id.
    pub id: String,
    /// When another one took its place; `None` where it is the one that wraps.
    pub replaced_at: Option<Time>,
}

/// Why a key file cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read, made or changed, or is open to others.
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
    /// There is no such key in the file.
    #[error("there is no wrapping key \"{id}\" in the key file")]
    NoSuchKey {
        /// The id asked for.
        id: String,
    },
    /// The key is the one that wraps.
    #[error("\"{id}\" is the current wrapping key: rotate first, so that another one takes its place")]
    IsCurrent {
        /// The id asked for.
        id: String,
    },
    /// The key was replaced a short while ago.
    #[error("\"{id}\" was replaced too recently: a process may still be using it until {until}")]
    TooEarly {
        /// The id asked for.
        id: String,
        /// From when on it may go.
        until: Time,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    current: String,
    keys: BTreeMap<String, String>,
    /// When each of the other keys was replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    replaced: BTreeMap<String, Time>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

impl KeyFile {
    /// The key file at `path`, made with a new wrapping key where there is none.
    pub fn open_or_create(path: &Path, random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Result<Self, KeyFileError> {
        secret_file::open_or_create(path, random.as_ref(), || {
            let mut content = Content { current: String::new(), keys: BTreeMap::new(), replaced: BTreeMap::new() };
            content.add_key(random.as_ref());
            content.to_text()
        })?;
        let known = Mutex::new(read(path, random.clone(), clock.now())?);
        Ok(Self { path: path.to_owned(), random, clock, known })
    }

    /// Adds a new key to the file at `path` and makes it the one that wraps; answers with its id. The others still
    /// unwrap. Back the file up before anything is wrapped by the new key.
    pub fn rotate(path: &Path, random: &dyn Random, now: Time) -> Result<String, KeyFileError> {
        let mut added = String::new();
        secret_file::change(path, random, |text| {
            let mut content = parse(path, text)?;
            let replaced = std::mem::take(&mut content.current);
            content.replaced.insert(replaced, now);
            added = content.add_key(random);
            Ok::<_, KeyFileError>(content.to_text())
        })?;
        Ok(added)
    }

    /// Removes a key from the file at `path` for good: what it wraps is lost. The caller has counted that it wraps no data
    /// key of any tenant ([`crate::Vault::count_keys`]), after [`WrappingKey::may_go`] said that no process uses it any
    /// more; the latter is asked again here.
    pub fn retire(path: &Path, random: &dyn Random, id: &str, now: Time) -> Result<(), KeyFileError> {
        secret_file::change(path, random, |text| {
            let mut content = parse(path, text)?;
            let all = content.list(secret_file::mark(path)?.changed_at());
            let key = all.iter().find(|key| key.id == id);
            key.ok_or_else(|| KeyFileError::NoSuchKey { id: id.to_owned() })?.may_go(now)?;
            if let Some(mut key) = content.keys.remove(id) {
                key.zeroize();
            }
            content.replaced.remove(id);
            Ok(content.to_text())
        })
    }

    /// The keys of the file at `path`, the current one first.
    pub fn list(path: &Path) -> Result<Vec<WrappingKey>, KeyFileError> {
        let mut keys = parse(path, &text_of(path)?)?.list(secret_file::mark(path)?.changed_at());
        keys.sort_by_key(|key| (key.replaced_at.is_some(), std::cmp::Reverse(key.replaced_at)));
        Ok(keys)
    }

    /// The keys to wrap with: as the file is now, or was at most five seconds ago. Fails where the file is gone or
    /// damaged, since what is wrapped by a key that is not in the file cannot be unwrapped after the next start.
    fn to_wrap(&self, key_id: &str) -> Result<Arc<LocalKeys>, Error> {
        self.look(key_id, LOOKED_AT_EVERY)
    }

    /// The keys as the file is now, or was at most `age` ago.
    fn look(&self, key_id: &str, age: Duration) -> Result<Arc<LocalKeys>, Error> {
        let now = self.clock.now();
        let mut known = self.known.lock();
        if now < known.looked_at || now.since(known.looked_at) >= age {
            let mark = secret_file::mark(&self.path).map_err(|error| unavailable(key_id, error.into()))?;
            if mark == known.mark {
                known.looked_at = now;
            } else {
                *known = self.read(key_id, now)?;
            }
        }
        Ok(Arc::clone(&known.keys))
    }

    /// The keys to unwrap this with: those at hand, or as the file is now where it is wrapped by another one.
    fn to_unwrap(&self, key_id: &str, wrapped_by: &str) -> Result<Arc<LocalKeys>, Error> {
        let mut known = self.known.lock();
        if !known.keys.has(wrapped_by) {
            *known = self.read(key_id, self.clock.now())?;
        }
        Ok(Arc::clone(&known.keys))
    }

    /// A small file, read within a task: a request waits for its key in any case.
    fn read(&self, key_id: &str, now: Time) -> Result<Known, Error> {
        read(&self.path, self.random.clone(), now).map_err(|error| unavailable(key_id, error))
    }
}

impl WrappingKey {
    /// Whether the key may be removed, as far as processes that use the file are concerned.
    pub fn may_go(&self, now: Time) -> Result<(), KeyFileError> {
        let id = self.id.clone();
        let Some(replaced) = self.replaced_at else { return Err(KeyFileError::IsCurrent { id }) };
        let until = replaced.plus(KEPT_AFTER_REPLACED);
        if now < until { Err(KeyFileError::TooEarly { id, until }) } else { Ok(()) }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({}, {:?})", self.path.display(), self.known.lock().keys)
    }
}

#[async_trait]
impl KeyWrap for KeyFile {
    async fn wrap(&self, tenant: &TenantId, key_id: &str, data_key: &DataKeyBytes) -> Result<WrappedKey, Error> {
        self.to_wrap(key_id)?.wrap(tenant, key_id, data_key)
    }

    async fn unwrap(&self, tenant: &TenantId, key_id: &str, wrapped: &WrappedKey) -> Result<DataKeyBytes, Error> {
        self.to_unwrap(key_id, &wrapped.wrapped_by)?.unwrap(tenant, key_id, wrapped)
    }

    async fn current(&self, _: &TenantId) -> Result<String, Error> {
        // Whoever asks is about to wrap everything by it.
        Ok(self.look("(any)", Duration::ZERO)?.current().to_owned())
    }

    fn name(&self) -> &'static str {
        "key-file"
    }
}

impl Content {
    /// Adds a new key, which is the current one then, and answers with its id.
    fn add_key(&mut self, random: &dyn Random) -> String {
        let id = random.uuid().to_string();
        self.keys.insert(id.clone(), STANDARD.encode(DataKeyBytes::generate(random).expose()));
        self.current.clone_from(&id);
        id
    }

    /// Where the file does not say when a key was replaced, the file's last change counts.
    fn list(&self, changed_at: Time) -> Vec<WrappingKey> {
        let replaced_at = |id: &String| self.replaced.get(id).copied().unwrap_or(changed_at);
        let key =
            |id: &String| WrappingKey { id: id.clone(), replaced_at: (*id != self.current).then(|| replaced_at(id)) };
        self.keys.keys().map(key).collect()
    }

    fn to_text(&self) -> Zeroizing<String> {
        // Unwrap safety: it holds texts alone.
        #[expect(clippy::unwrap_used, reason = "texts and times are always JSON")]
        let mut text = serde_json::to_string_pretty(self).unwrap();
        text.push('\n');
        Zeroizing::new(text)
    }
}

fn unavailable(key_id: &str, error: KeyFileError) -> Error {
    Error::KeyServiceUnavailable { key_id: key_id.to_owned(), source: Box::new(error) }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let missing = || KeyFileError::Malformed { path: path.to_owned(), problem: "it is not there".to_owned() };
    secret_file::read(path)?.ok_or_else(missing)
}

fn read(path: &Path, random: Arc<dyn Random>, now: Time) -> Result<Known, KeyFileError> {
    // Before the text, so that a change in between is seen as one at the next look.
    let mark = secret_file::mark(path)?;
    let content = parse(path, &text_of(path)?)?;
    let malformed = |problem: String| KeyFileError::Malformed { path: path.to_owned(), problem };
    let mut keys = BTreeMap::new();
    for (id, encoded) in &content.keys {
        let bytes = STANDARD.decode(encoded).ok().map(Zeroizing::new);
        let key = bytes.and_then(|bytes| DataKeyBytes::from_slice(&bytes));
        keys.insert(id.clone(), key.ok_or_else(|| malformed(format!("key \"{id}\" is not 32 bytes in base64")))?);
    }
    let keys = LocalKeys::new(&content.current, &keys, random)
        .ok_or_else(|| malformed(format!("its current key \"{}\" is not among its keys", content.current)))?;
    Ok(Known { keys: Arc::new(keys), mark, looked_at: now })
}

/// The message of a parse error could quote a key, so only the place in the file is told.
fn parse(path: &Path, text: &str) -> Result<Content, KeyFileError> {
    serde_json::from_str(text).map_err(|error| KeyFileError::Malformed {
        path: path.to_owned(),
        problem: format!(
            "its JSON is wrong at line {}, column {}; it has the fields current and keys",
            error.line(),
            error.column()
        ),
    })
}
