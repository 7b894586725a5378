//! Keeps personal data unreadable at rest: envelope encryption of fields, one data key per subject, and blind indexes
//! to find sealed text again.
//!
//! - A [`Subject`] (a patient, else a chat, else a user) has one 256-bit data key. It is stored wrapped, in the
//!   collection [`DATA_KEYS`], by the tenant's key behind the port [`KeyWrap`]: Cloud KMS, or a [`KeyFile`] on one
//!   machine. Destroying the stored key destroys what was sealed under it.
//! - A [`SubjectKey`] seals a field with AES-256-GCM. The associated data is the field's [`Place`], so sealed text moved
//!   to another tenant, document or field does not open.
//! - A [`BlindIndex`] makes keyed hashes of normalised words and prefixes, for ids and for `array-contains`.
//!
//! To write a document together with its new key, make the key first, since wrapping may call a service and a
//! transaction may run again:
//! ```ignore
//! let fresh = vault.fresh_key(tenant, &subject).await?;
//! let sealed = fresh.key().seal(&place, &text);
//! store.transact("create-chat", async |tx| { fresh.save(&tx)?; tx.create(&CHATS, id, &chat) }).await?;
//! let key = vault.remember(fresh);
//! ```
//! To replace the key that wraps: [`KeyFile::rotate`] (or a new version of a KMS key), then [`Vault::rewrap`] until it is
//! done, then [`KeyFile::retire`]. `README.md` tells how that goes while a service runs, and what destroying a key does.
//!
//! To add a kind of subject, add a variant to [`Subject`] and its prefix to `Subject::key_id`.

mod blind_index;
mod data_key;
mod error;
mod key_file;
mod local_keys;
mod place;
pub mod secret_file;
mod subject;
mod subject_key;
mod vault;
mod wrap;
#[cfg(test)]
mod wycheproof_vectors;

pub use blind_index::{BlindIndex, fold, words};
pub use data_key::DataKeyBytes;
pub use error::Error;
pub use key_file::{KeyFile, KeyFileError, WrappingKey};
pub use local_keys::MemoryKeys;
pub use place::Place;
pub use subject::Subject;
pub use subject_key::SubjectKey;
pub use vault::{DATA_KEYS, FreshKey, KEPT_FOR, KeyCounts, Rewrapped, StoredKey, Vault};
pub use wrap::{KeyWrap, WrappedKey, associated_data};
