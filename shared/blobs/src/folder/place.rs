//! How a file that came in whole becomes a blob: in one step, so that nobody sees half of it.

use std::io;
use std::path::Path;

use tokio::fs::{self, File, OpenOptions};

/// Whether a blob may take another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placing {
    /// It takes the place of what is there.
    Replace,
    /// It has to be new.
    AsNew,
}

/// Moves or copies `incoming` to `path`; answers whether it did.
pub(super) async fn place(incoming: &Path, path: &Path, how: Placing) -> io::Result<bool> {
    if how == Placing::Replace {
        return fs::rename(incoming, path).await.map(|()| true);
    }
    match fs::hard_link(incoming, path).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => copy_as_new(incoming, path).await,
        Err(error) => Err(error),
    }
}

/// For a mounted bucket, which has no links: there a file appears when it is closed, whole and under a name that is new.
async fn copy_as_new(incoming: &Path, path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = match options.open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    let copied = async {
        tokio::io::copy(&mut File::open(incoming).await?, &mut file).await?;
        file.sync_all().await
    };
    if let Err(error) = copied.await {
        let _ = fs::remove_file(path).await;
        return Err(error);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let (incoming, path) = (folder.path().join("incoming"), folder.path().join("blob"));
        std::fs::write(&incoming, "first").unwrap();
        assert!(copy_as_new(&incoming, &path).await.unwrap());
        std::fs::write(&incoming, "second").unwrap();
        assert!(!copy_as_new(&incoming, &path).await.unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        let error = copy_as_new(&incoming, &folder.path().join("none/blob")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
