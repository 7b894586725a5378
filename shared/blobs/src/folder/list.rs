use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tokio::fs::{self, File};

use super::{INCOMING, trailer};
use crate::BlobName;

/// The names of all blobs in a folder, in no order. Damaged ones have none.
pub(super) async fn names(root: &Path) -> io::Result<Vec<BlobName>> {
    let mut names = Vec::new();
    let Some(mut shards) = unless_gone(fs::read_dir(root).await)? else { return Ok(names) };
    while let Some(shard) = shards.next_entry().await? {
        if shard.file_name() == OsStr::new(INCOMING) || !shard.file_type().await?.is_dir() {
            continue;
        }
        let mut files = fs::read_dir(shard.path()).await?;
        while let Some(entry) = files.next_entry().await? {
            // A blob may be deleted while others are listed.
            let Some(mut file) = unless_gone(File::open(entry.path()).await)? else { continue };
            names.extend(trailer::read_any(&mut file).await?.map(|(name, _)| name));
        }
    }
    Ok(names)
}

fn unless_gone<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
