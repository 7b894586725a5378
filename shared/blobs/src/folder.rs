use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use bytes::Bytes;
use futures::{StreamExt, stream};
use kernel::{Clock, Random, RandomExt, Time};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::sync::OnceCell;

use crate::{
    Blob, BlobInfo, BlobName, Blobs, Content, Error, SignedUrl, UrlFor, UrlSigner, check_content_type, check_url,
};

mod list;
mod place;
mod trailer;

use place::Placing;

/// How much is read at once.
const PIECE: usize = 64 * 1024;
/// Where files are while they come in.
const INCOMING: &str = "incoming";
/// What is older than this in [`INCOMING`] was left there by a crash.
const LONGEST_COMING_IN: Duration = Duration::from_secs(24 * 60 * 60);

/// Blobs in a folder, which several processes may use at once.
///
/// A blob is one file, readable by its owner alone, below `<two digits>/` and named by its name's SHA-256, so that `a`
/// and `a/b` can both be and names may be longer than a disk allows. Its [`BlobInfo`] stands behind its content in the
/// same file: so one rename replaces both, and no crash parts them.
pub struct FolderBlobs {
    root: PathBuf,
    urls: UrlSigner,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    is_ready: OnceCell<()>,
}

impl FolderBlobs {
    /// The folder at `root`, which is made when the first blob comes. `urls` signs for the routes that serve it.
    pub fn new(root: &Path, urls: UrlSigner, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { root: root.to_owned(), urls, clock, random, is_ready: OnceCell::new() }
    }

    /// Makes the folder, and removes what crashes have left in it. Files that come in are named by when they came.
    async fn make_ready(&self) -> io::Result<()> {
        let incoming = self.root.join(INCOMING);
        make_folder(&incoming).await?;
        let oldest = self.clock.now().minus(LONGEST_COMING_IN).as_millis();
        let mut left = fs::read_dir(&incoming).await?;
        while let Some(entry) = left.next_entry().await? {
            let name = entry.file_name();
            let came = name.to_str().and_then(|name| name.split('-').next()?.parse::<i64>().ok());
            if came.is_none_or(|came| came < oldest) {
                fs::remove_file(entry.path()).await?;
            }
        }
        sync_folder(&self.root).await
    }

    /// What checks the URLs that [`Blobs::signed_url`] makes.
    pub const fn urls(&self) -> &UrlSigner {
        &self.urls
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        let hash = hex::encode(digest::digest(&digest::SHA256, name.as_str().as_bytes()));
        self.root.join(&hash[..2]).join(hash)
    }

    async fn find(&self, name: &BlobName) -> Result<Option<(File, BlobInfo)>, Error> {
        let mut file = match File::open(self.path(name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable("open", name)(error)),
        };
        let found = trailer::read(&mut file, name).await.map_err(unavailable("read", name))?;
        let info = found.ok_or_else(|| Error::Damaged { name: name.clone() })?;
        Ok(Some((file, info)))
    }

    /// Writes content and trailer into a new file and makes it durable there.
    async fn receive(
        &self,
        incoming: &Incoming,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<BlobInfo, Error> {
        let failed = unavailable("write", name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&incoming.path).await.map_err(&failed)?;
        let mut writer = BufWriter::with_capacity(PIECE, file);
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut bytes = 0_u64;
        let mut pieces = content.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|source| Error::ContentBrokeOff { name: name.clone(), source })?;
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > most_bytes {
                return Err(Error::TooLarge { name: name.clone(), most_bytes });
            }
            hash.update(&piece);
            writer.write_all(&piece).await.map_err(&failed)?;
        }
        let info = BlobInfo {
            content_type: content_type.to_owned(),
            bytes,
            sha256: Some(hex::encode(hash.finish())),
            stored_at: self.clock.now(),
        };
        writer.write_all(&trailer::write(name, &info).map_err(&failed)?).await.map_err(&failed)?;
        writer.flush().await.map_err(&failed)?;
        writer.into_inner().sync_all().await.map_err(&failed)?;
        Ok(info)
    }

    async fn store(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
        how: Placing,
    ) -> Result<Option<BlobInfo>, Error> {
        check_content_type(name, content_type)?;
        self.is_ready.get_or_try_init(|| self.make_ready()).await.map_err(unavailable("store", name))?;
        let file_name = format!("{}-{}", self.clock.now().as_millis(), self.random.uuid());
        let incoming = Incoming { path: self.root.join(INCOMING).join(file_name) };
        let info = self.receive(&incoming, name, content, content_type, most_bytes).await?;
        let placed = self.place(&incoming.path, &self.path(name), how).await.map_err(unavailable("store", name))?;
        Ok(placed.then_some(info))
    }

    /// Gives a file that came in its place, durably; answers whether it did.
    async fn place(&self, incoming: &Path, path: &Path, how: Placing) -> io::Result<bool> {
        let placed = match place::place(incoming, path, how).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    make_folder(folder).await?;
                    sync_folder(&self.root).await?;
                }
                place::place(incoming, path, how).await?
            }
            placed => placed?,
        };
        sync_parent(path).await?;
        Ok(placed)
    }
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<BlobInfo, Error> {
        let stored = self.store(name, content, content_type, most_bytes, Placing::Replace).await?;
        stored.ok_or_else(|| unavailable("store", name)(io::ErrorKind::AlreadyExists.into()))
    }

    async fn put_new(
        &self,
        name: &BlobName,
        content: Content,
        content_type: &str,
        most_bytes: u64,
    ) -> Result<Option<BlobInfo>, Error> {
        self.store(name, content, content_type, most_bytes, Placing::AsNew).await
    }

    async fn get(&self, name: &BlobName) -> Result<Option<Blob>, Error> {
        let found = self.find(name).await?;
        Ok(found.map(|(file, info)| Blob { content: pieces(file, info.bytes), info }))
    }

    async fn head(&self, name: &BlobName) -> Result<Option<BlobInfo>, Error> {
        Ok(self.find(name).await?.map(|(_, info)| info))
    }

    async fn delete(&self, name: &BlobName) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path).await {
            Ok(()) => sync_parent(&path).await.map_err(unavailable("delete", name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unavailable("delete", name)(error)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&BlobName>, limit: usize) -> Result<Vec<BlobName>, Error> {
        let all = list::names(&self.root).await.map_err(|source| Error::CannotList(source.into()))?;
        let asked = |name: &BlobName| name.as_str().starts_with(prefix) && after.is_none_or(|after| name > after);
        let mut names: Vec<BlobName> = all.into_iter().filter(asked).collect();
        names.sort_unstable();
        names.truncate(limit);
        Ok(names)
    }

    async fn signed_url(&self, name: &BlobName, access: &UrlFor, expires_at: Time) -> Result<SignedUrl, Error> {
        check_url(name, access, expires_at, self.clock.now())?;
        Ok(self.urls.sign(name, access, expires_at))
    }
}

impl std::fmt::Debug for FolderBlobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FolderBlobs({})", self.root.display())
    }
}

/// A file that comes in. Unless it was moved to its place, it goes with this value: on an error, and when the caller goes away.
struct Incoming {
    path: PathBuf,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a rename there is nothing, and what could not be removed goes at a later start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The first `bytes` of a file, which is where its content ends.
fn pieces(file: File, bytes: u64) -> Content {
    Content::stream(stream::try_unfold((file, bytes), async |(mut file, left)| {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let length = file.read(&mut piece).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(length);
        Ok(Some((Bytes::from(piece), (file, left - length as u64))))
    }))
}

fn unavailable(doing: &'static str, name: &BlobName) -> impl Fn(io::Error) -> Error {
    move |source| Error::Unavailable { doing, name: name.clone(), source: source.into() }
}

async fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(path).await
}

async fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => sync_folder(folder).await,
        None => Ok(()),
    }
}

/// Makes a rename or a removal in this folder durable.
async fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path).await?.sync_all().await
}
