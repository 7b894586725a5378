//! Blobs in a Cloud Storage bucket, through Google's own client. See `README.md`.

mod config;
mod connection;
mod failure;
mod read;
mod signed;
mod store;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use blobs::{Blob, BlobInfo, BlobName, Blobs, Content, Error, SignedUrl, UrlFor, check_content_type, check_url};
use google_cloud_auth::signer::Signer;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_storage::model::Object;
use kernel::{Clock, Random, RandomExt, Time};

pub use config::GcsConfig;
pub use failure::GcsError;

use connection::{Connection, DEADLINE, within};
use failure::{DELETE, Doing, LIST, LOOK_UP, OPEN, SIGN, is_missing};
use store::Storing;

/// How many names one request may bring.
const LONGEST_PAGE: usize = 1000;

/// Blobs in one bucket: a blob is an object of the same name.
pub struct GcsBlobs {
    connection: Connection,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl GcsBlobs {
    /// The blobs of a bucket, which has to be there. No connection is made before the first call. URLs are signed with
    /// the Application Default Credentials.
    pub fn new(config: GcsConfig, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { connection: Connection::new(config, None), clock, random }
    }

    /// The same, with URLs signed by somebody else.
    #[must_use]
    pub fn signed_by(self, signer: Signer) -> Self {
        Self { connection: Connection::new(self.connection.config, Some(signer)), ..self }
    }

    async fn object(&self, name: &BlobName, doing: Doing) -> Result<Option<Object>, Error> {
        let config = &self.connection.config;
        let asking = async {
            let control = self.connection.control().await?;
            let asked = control.get_object().set_bucket(config.bucket_path()).set_object(name.as_str()).send().await;
            match asked {
                Ok(object) => Ok(Some(object)),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(GcsError::of(doing, &config.bucket, &error)),
            }
        };
        within(DEADLINE, asking).await.map_err(|error| error.about(doing, name))
    }

    /// Opens exactly the generation that was looked up; `None` where it was replaced since.
    async fn open(&self, name: &BlobName, object: &Object) -> Result<Option<Content>, Error> {
        let config = &self.connection.config;
        let opening = async {
            let content = self.connection.content().await?;
            let reading = content.read_object(config.bucket_path(), name.as_str()).set_generation(object.generation);
            match reading.send().await {
                Ok(response) => Ok(Some(read::pieces(response, config.bucket.clone()))),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(GcsError::of(OPEN, &config.bucket, &error)),
            }
        };
        within(DEADLINE, opening).await.map_err(|error| error.about(OPEN, name))
    }

    async fn page(&self, asked: Page<'_>, token: String) -> Result<(Vec<String>, String), GcsError> {
        let config = &self.connection.config;
        let asking = async {
            let control = self.connection.control().await?;
            let request = control
                .list_objects()
                .set_parent(config.bucket_path())
                .set_prefix(asked.prefix)
                .set_lexicographic_start(asked.from)
                .set_page_size(i32::try_from(asked.size).unwrap_or(i32::MAX))
                .set_page_token(token);
            let page = request.send().await.map_err(|error| GcsError::of(LIST, &config.bucket, &error))?;
            Ok((page.objects.into_iter().map(|object| object.name).collect(), page.next_page_token))
        };
        within(DEADLINE, asking).await
    }
}

/// Which objects to list.
#[derive(Clone, Copy)]
struct Page<'a> {
    prefix: &'a str,
    /// The first name that may be in it.
    from: &'a str,
    size: usize,
}

#[async_trait]
impl Blobs for GcsBlobs {
    async fn put(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<BlobInfo, Error> {
        check_content_type(name, content_type)?;
        let storing = Storing { connection: &self.connection, name, content_type, new_as: None };
        storing.store(content, most_bytes).await?.map_err(|error| error.about(failure::STORE, name))
    }

    async fn put_new(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<Option<BlobInfo>, Error> {
        check_content_type(name, content_type)?;
        let upload = self.random.uuid().to_string();
        let storing = Storing { connection: &self.connection, name, content_type, new_as: Some(&upload) };
        match storing.store(content, most_bytes).await? {
            Ok(info) => Ok(Some(info)),
            // It may be there because of a first attempt whose answer was lost.
            Err(GcsError::Rejected { code: 412 }) => {
                let object = self.object(name, LOOK_UP).await?;
                Ok(object.filter(|object| store::is_from(object, &upload)).map(|object| store::info(&object)))
            }
            Err(error) => Err(error.about(failure::STORE, name)),
        }
    }

    async fn get(&self, name: &BlobName) -> Result<Option<Blob>, Error> {
        // Replaced between the two calls once in a while, but not so many times in a row.
        for _ in 0..5 {
            let Some(object) = self.object(name, OPEN).await? else { return Ok(None) };
            if let Some(content) = self.open(name, &object).await? {
                return Ok(Some(Blob { info: store::info(&object), content }));
            }
        }
        Err(GcsError::Failed { code: 404 }.about(OPEN, name))
    }

    async fn head(&self, name: &BlobName) -> Result<Option<BlobInfo>, Error> {
        Ok(self.object(name, LOOK_UP).await?.map(|object| store::info(&object)))
    }

    async fn delete(&self, name: &BlobName) -> Result<(), Error> {
        let config = &self.connection.config;
        let deleting = async {
            let control = self.connection.control().await?;
            let request = control.delete_object().set_bucket(config.bucket_path()).set_object(name.as_str());
            match request.with_idempotency(true).send().await {
                Err(error) if !is_missing(&error) => Err(GcsError::of(DELETE, &config.bucket, &error)),
                _ => Ok(()),
            }
        };
        within(DEADLINE, deleting).await.map_err(|error| error.about(DELETE, name))
    }

    async fn list(&self, prefix: &str, after: Option<&BlobName>, limit: usize) -> Result<Vec<BlobName>, Error> {
        let from = after.map_or("", BlobName::as_str);
        // The first one may be `after` itself.
        let asked = Page { prefix, from, size: limit.saturating_add(1).min(LONGEST_PAGE) };
        let (mut names, mut token) = (Vec::new(), String::new());
        while names.len() < limit {
            let (page, next) = self.page(asked, token).await.map_err(GcsError::about_list)?;
            // What others have put there under names that are none of ours is not ours.
            let ours = page.into_iter().filter_map(|name| name.parse::<BlobName>().ok());
            names.extend(ours.filter(|name| after.is_none_or(|after| name > after)));
            token = next;
            if token.is_empty() {
                break;
            }
        }
        names.truncate(limit);
        Ok(names)
    }

    async fn signed_url(&self, name: &BlobName, access: &UrlFor, expires_at: Time) -> Result<SignedUrl, Error> {
        let now = self.clock.now();
        check_url(name, access, expires_at, now)?;
        let signing = async {
            let signer = self.connection.signer().await?;
            signed::signed_url(&self.connection.config, signer, name, access, now, expires_at).await
        };
        within(DEADLINE, signing).await.map_err(|error| error.about(SIGN, name))
    }
}

impl fmt::Debug for GcsBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcsBlobs({})", self.connection.config.bucket)
    }
}
