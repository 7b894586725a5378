//! The platform of Google Cloud: Firestore, Pub/Sub, Cloud Storage, Cloud KMS. Nothing here touches the network before it
//! is used.

use std::sync::Arc;

use access::token::{SigningKeys, Tokens, VerifyingKeys};
use anyhow::Context;
use blobs::{Blobs, FolderBlobs, UrlSigner};
use blobs_gcs::{GcsBlobs, GcsConfig};
use connect::gemini::{Credential, GEMINI_API};
use connect::messages::SimulatedMessenger;
use connect_google::{GoogleTokens, VertexAi};
use events_pubsub::{PubsubBus, PubsubConfig, PubsubLive};
use kernel::{Clock, OsRandom, Random, RandomExt};
use store::Store;
use store_firestore::{FirestoreBackend, FirestoreConfig};
use vault::{KeyFile, KeyWrap};
use vault_kms::{KmsConfig, KmsKeys};
use web::ScribeSettings;

use crate::config::{BlobPlace, KeyKeeper, TokenKeys};
use crate::platform::registry;
use crate::{Config, Platform};

/// The registry's documents alone, for a command that looks before an application can be opened.
pub fn open_registry(config: &Config) -> anyhow::Result<Store> {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let project = config.project.as_ref().context("GOOGLE_CLOUD_PROJECT is not set")?;
    let database = registry(&config.registry_database, project)?;
    Ok(Store::new(Arc::new(firestore(config, random.clone())), database, random))
}

fn firestore(config: &Config, random: Arc<dyn Random>) -> FirestoreBackend {
    let firestore = FirestoreConfig { emulator_host: config.firestore_emulator.clone(), ..FirestoreConfig::default() };
    FirestoreBackend::new(firestore, random)
}

/// The platform, and the tokens under the keys that the environment gives.
pub(crate) fn open(
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> anyhow::Result<(Platform, Tokens)> {
    let project = config.project.clone().context("GOOGLE_CLOUD_PROJECT is not set")?;
    let pubsub = PubsubConfig::new(project.clone(), config.pubsub_emulator.clone());
    let places = Places { config, clock: &clock, random: &random };
    let urls = places.folder_urls();
    let platform = Platform {
        name: "google",
        backend: Arc::new(firestore(config, random.clone())),
        registry: registry(&config.registry_database, &project)?,
        bus: Some(Arc::new(PubsubBus::new(pubsub.clone()))),
        live: Arc::new(PubsubLive::new(pubsub, random.uuid().simple().to_string())),
        blobs: places.blobs(config.blobs.as_ref(), urls.as_ref()),
        checkpoints: places.blobs(config.checkpoints.as_ref(), urls.as_ref()),
        blob_urls: urls,
        key_wrap: places.key_wrap()?,
        messages: Arc::new(SimulatedMessenger::new(clock.clone())),
        dev_outbox: None,
        clock: clock.clone(),
        random: random.clone(),
    };
    let tokens = match &config.token_keys {
        TokenKeys::Signing(pem) => Tokens::new(SigningKeys::from_pem(pem.disclose())?, random),
        TokenKeys::Verifying(pem) => Tokens::verifying(VerifyingKeys::from_pem(pem)?, random),
        TokenKeys::File => anyhow::bail!("SIGNING_KEY_PEM is not set"),
    };
    Ok((platform, tokens))
}

/// Lets the scribe ask Vertex AI, as the account that this runs as, where the configuration says so.
pub(crate) fn use_vertex_ai(config: &Config, scribe: &mut ScribeSettings) -> anyhow::Result<()> {
    let (Some(location), Some(project)) = (&config.vertex_location, &config.project) else { return Ok(()) };
    scribe.credential = Some(Credential::AccessToken(Arc::new(GoogleTokens::new())));
    // An address that is configured goes first.
    if scribe.base_url == GEMINI_API {
        scribe.base_url = VertexAi::new(project, location, None).base_url().context("GEMINI_LOCATION")?;
    }
    Ok(())
}

/// Where blobs and keys are, by what the configuration says.
struct Places<'a> {
    config: &'a Config,
    clock: &'a Arc<dyn Clock>,
    random: &'a Arc<dyn Random>,
}

impl Places<'_> {
    /// What signs the URLs of files in a folder, under a key that every instance derives from the same secret.
    fn folder_urls(&self) -> Option<UrlSigner> {
        let TokenKeys::Signing(pem) = &self.config.token_keys else { return None };
        let is_folder = matches!(self.config.blobs, Some(BlobPlace::Folder(_)));
        is_folder.then(|| UrlSigner::derived(&self.config.public_url, pem.disclose().as_bytes()))
    }

    fn blobs(&self, place: Option<&BlobPlace>, urls: Option<&UrlSigner>) -> Option<Arc<dyn Blobs>> {
        match place? {
            BlobPlace::Folder(folder) => {
                let urls = urls.cloned().unwrap_or_else(|| UrlSigner::new("", &self.random.bytes()));
                Some(Arc::new(FolderBlobs::new(folder, urls, self.clock.clone(), self.random.clone())))
            }
            BlobPlace::Bucket(bucket) => {
                let bucket = GcsConfig::new(bucket.clone(), self.config.storage_emulator.clone());
                Some(Arc::new(GcsBlobs::new(bucket, self.clock.clone(), self.random.clone())))
            }
        }
    }

    fn key_wrap(&self) -> anyhow::Result<Arc<dyn KeyWrap>> {
        Ok(match &self.config.key_keeper {
            KeyKeeper::File(file) => Arc::new(KeyFile::open_or_create(file, self.random.clone(), self.clock.clone())?),
            KeyKeeper::Kms(ring) => Arc::new(KmsKeys::new(
                KmsConfig::new(ring.clone(), self.config.google_apis.clone())?,
                self.clock.clone(),
            )),
        })
    }
}
