//! The platform of one machine: SQLite, the in-process bus, files and keys in a folder.

use std::sync::Arc;

use access::token::{SigningKeys, Tokens};
use blobs::{FolderBlobs, UrlSigner};
use connect::messages::SimulatedMessenger;
use events::InProcessLive;
use kernel::{Clock, Random};
use store_sqlite::SqliteBackend;
use vault::KeyFile;
use zeroize::Zeroizing;

use crate::config::{BlobPlace, KeyKeeper, TokenKeys};
use crate::platform::{declared_indexes, registry};
use crate::{Config, DevOutbox, Platform};

/// The platform, and the tokens under the key in the data folder.
pub(crate) fn open(
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> anyhow::Result<(Platform, Tokens)> {
    let backend = SqliteBackend::open(config.data_dir.join("databases"), declared_indexes());
    let messages = Arc::new(SimulatedMessenger::new(clock.clone()));
    let is_shown = config.host.is_loopback() || config.dev_outbox;
    let dev_outbox = DevOutbox { messages: messages.clone(), open_to_others: config.dev_outbox };
    let pem = match &config.token_keys {
        TokenKeys::Signing(pem) => Zeroizing::new(pem.disclose().clone()),
        TokenKeys::Verifying(_) | TokenKeys::File => {
            let new = SigningKeys::generate()?.to_pem();
            let path = config.data_dir.join("signing-key.pem");
            vault::secret_file::open_or_create(&path, random.as_ref(), || new)?
        }
    };
    let Some(BlobPlace::Folder(folder)) = &config.blobs else { anyhow::bail!("BLOBS_DIR names no folder") };
    let urls = UrlSigner::derived(&config.public_url, pem.as_bytes());
    let blobs = Arc::new(FolderBlobs::new(folder, urls.clone(), clock.clone(), random.clone()));
    let KeyKeeper::File(key_file) = &config.key_keeper else { anyhow::bail!("KEY_FILE names no file") };
    let platform = Platform {
        name: "local",
        backend: Arc::new(backend),
        registry: registry(&config.registry_database, "")?,
        bus: None,
        live: Arc::new(InProcessLive::default()),
        checkpoints: Some(blobs.clone()),
        blobs: Some(blobs),
        blob_urls: Some(urls),
        key_wrap: Arc::new(KeyFile::open_or_create(key_file, random.clone(), clock.clone())?),
        messages,
        dev_outbox: is_shown.then_some(dev_outbox),
        clock,
        random: random.clone(),
    };
    Ok((platform, Tokens::new(SigningKeys::from_pem(&pem)?, random)))
}
