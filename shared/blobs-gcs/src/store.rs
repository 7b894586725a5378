use std::sync::Arc;
use std::time::Duration;

use blobs::{BlobInfo, BlobName, Content, Error};
use bytes::Bytes;
use google_cloud_storage::builder::storage::WriteObject;
use google_cloud_storage::model::Object;
use google_cloud_storage::streaming_source::StreamingSource;
use kernel::Time;

use crate::connection::{Connection, retries, within};
use crate::failure::{GcsError, STORE, is_precondition};
use crate::upload::{Begun, Incoming, OnlyToBegin, PIECE, Progress, Source};

/// How long content of one request may take, its second attempts included.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long Cloud Storage may take for one piece.
const LONGEST_PIECE: Duration = Duration::from_secs(30);
/// The objects' metadata: the content's SHA-256 in hexadecimal digits, and which call made the object.
const SHA256: &str = "sha256";
const UPLOAD: &str = "upload";

/// One blob to be stored.
pub(crate) struct Storing<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) name: &'a BlobName,
    pub(crate) content_type: &'a str,
    /// Where the blob has to be new: what tells this call from all others.
    pub(crate) new_as: Option<&'a str>,
}

impl Storing<'_> {
    /// Stores it. What is wrong with the content is the outer error, what is wrong with Cloud Storage the inner one.
    pub(crate) async fn store(&self, content: Content, most_bytes: u64) -> Result<Result<BlobInfo, GcsError>, Error> {
        match Incoming::new(self.name, content, most_bytes).begin().await? {
            Begun::Small(whole, sha256) => Ok(within(DEADLINE, self.at_once(whole, sha256)).await),
            Begun::Large(source, progress) => self.in_pieces(*source, &progress).await,
        }
    }

    async fn at_once(&self, whole: Bytes, sha256: String) -> Result<BlobInfo, GcsError> {
        let client = self.connection.content().await?;
        let write = client.write_object(self.connection.config.bucket_path(), self.name.as_str(), whole);
        // Sent twice, it stores the same twice.
        let write =
            self.described(write, Some(sha256)).with_idempotency(true).with_resumable_upload_threshold(PIECE + 1);
        write.send_buffered().await.map(|object| info(&object)).map_err(|error| self.failed(&error))
    }

    async fn in_pieces(&self, source: Source, progress: &Arc<Progress>) -> Result<Result<BlobInfo, GcsError>, Error> {
        let client = match within(DEADLINE, self.connection.content()).await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let bucket = self.connection.config.bucket_path();
        let write = client.write_object::<_, _, _, Source>(bucket, self.name.as_str(), source);
        let policy = OnlyToBegin { policy: retries(), progress: Arc::clone(progress) };
        let write = self.described(write, None).with_retry_policy(policy).with_resumable_upload_buffer_size(PIECE);
        let stored = tokio::select! {
            stored = write.send_buffered() => stored.map_err(|error| self.failed(&error)),
            () = progress.stalls_for(LONGEST_PIECE) => Err(GcsError::NoAnswer(LONGEST_PIECE)),
        };
        match (stored, progress.taken_end()) {
            (Err(_), Some(Err(content))) => Err(content),
            (Err(error), _) => Ok(Err(error)),
            (Ok(object), end) => Ok(Ok(BlobInfo { sha256: end.and_then(Result::ok), ..info(&object) })),
        }
    }

    fn described<P>(&self, write: WriteObject<P>, sha256: Option<String>) -> WriteObject<P>
    where
        P: StreamingSource + Send + Sync + 'static,
    {
        let metadata = [sha256.map(|hash| (SHA256, hash)), self.new_as.map(|upload| (UPLOAD, upload.to_owned()))];
        let write = write.set_content_type(self.content_type).set_metadata(metadata.into_iter().flatten());
        if self.new_as.is_some() { write.set_if_generation_match(0) } else { write }
    }

    fn failed(&self, error: &google_cloud_storage::Error) -> GcsError {
        if self.new_as.is_some() && is_precondition(error) {
            return GcsError::Rejected { code: 412 };
        }
        GcsError::of(STORE, &self.connection.config.bucket, error)
    }
}

/// Whether that call made the object.
pub(crate) fn is_from(object: &Object, upload: &str) -> bool {
    object.metadata.get(UPLOAD).is_some_and(|made_by| made_by == upload)
}

/// What is known of an object.
pub(crate) fn info(object: &Object) -> BlobInfo {
    let created = object.create_time.unwrap_or_default();
    BlobInfo {
        content_type: object.content_type.clone(),
        bytes: u64::try_from(object.size).unwrap_or_default(),
        sha256: object.metadata.get(SHA256).cloned(),
        stored_at: Time::from_millis(created.seconds() * 1000 + i64::from(created.nanos() / 1_000_000)),
    }
}
