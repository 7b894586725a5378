//! Files with secrets on one machine: made once, readable by their owner alone. The key file and the local signing
//! keys stand on this.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kernel::{Random, RandomExt, Time};
use zeroize::Zeroizing;

/// Why a secret file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file cannot be read or made.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Other users of the machine may read or change the file.
    #[error("{} has mode {mode:03o} and others may read or change it: run `chmod 600` on it, and replace the secrets in it if they may have been read", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The path leads to a folder or a device.
    #[error("{} is no regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
}

/// The text of the file at `path`; where there is none, it is made with the text of `make` first, with mode 0600. Two
/// processes that start at once get the same text, and no crash leaves half a file.
pub fn open_or_create(
    path: &Path,
    random: &dyn Random,
    make: impl FnOnce() -> Zeroizing<String>,
) -> Result<Zeroizing<String>, SecretFileError> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    create(path, random, &make())?;
    read(path)?.ok_or_else(|| failed("read", path)(io::ErrorKind::NotFound.into()))
}

/// The file's text; `None` where there is no file.
pub fn read(path: &Path) -> Result<Option<Zeroizing<String>>, SecretFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    check(&file, path)?;
    let text = io::read_to_string(file).map_err(failed("read", path))?;
    Ok(Some(Zeroizing::new(text)))
}

/// Changes the text of a file that is there. `change` gets the text and answers with the new one; where it fails, nothing
/// changes. Others see the whole old text or the whole new one, and of two processes that change it at once the second
/// waits for the first.
pub fn change<E: From<SecretFileError>>(
    path: &Path,
    random: &dyn Random,
    change: impl FnOnce(&str) -> Result<Zeroizing<String>, E>,
) -> Result<(), E> {
    // Where the name is a link, the file that it leads to is changed.
    let path = &fs::canonicalize(path).map_err(failed("find", path))?;
    let folder = File::open(folder_of(path)).map_err(failed("open the folder of", path))?;
    // The folder is locked, not the file, which is another one afterwards. Dropping it unlocks it.
    folder.lock().map_err(failed("lock the folder of", path))?;
    let old = read(path)?.ok_or_else(|| failed("read", path)(io::ErrorKind::NotFound.into()))?;
    let new = change(&old)?;
    let temporary = folder_of(path).join(format!(".{}.tmp", random.uuid()));
    let replaced = write_new(&temporary, &new).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&temporary);
    }
    Ok(replaced.and_then(|()| folder.sync_all()).map_err(failed("change", path))?)
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    changed_at: Option<SystemTime>,
    length: u64,
    /// A changed file is another file under the same name.
    inode: u64,
}

impl Mark {
    /// When the file was last changed; 1970 where the system does not say.
    pub(crate) fn changed_at(&self) -> Time {
        let since_1970 = self.changed_at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Time::from_millis(0).plus(since_1970.unwrap_or_default())
    }
}

/// The file's mark now.
pub(crate) fn mark(path: &Path) -> Result<Mark, SecretFileError> {
    let metadata = fs::metadata(path).map_err(failed("look at", path))?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Ok(Mark { changed_at: metadata.modified().ok(), length: metadata.len(), inode })
}

/// Writes a temporary file beside and links it to its name, which fails where another process was first: that one's
/// text counts.
fn create(path: &Path, random: &dyn Random, text: &str) -> Result<(), SecretFileError> {
    let parent = folder_of(path);
    fs::create_dir_all(parent).map_err(failed("make the folder of", path))?;
    let temporary = parent.join(format!(".{}.tmp", random.uuid()));
    let written = write_new(&temporary, text).and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let removed = fs::remove_file(&temporary);
    written.and(removed).and_then(|()| File::open(parent)?.sync_all()).map_err(failed("make", path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn check(file: &File, path: &Path) -> Result<(), SecretFileError> {
    let metadata = file.metadata().map_err(failed("look at", path))?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotAFile { path: path.to_owned() });
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretFileError::OpenToOthers { path: path.to_owned(), mode });
        }
    }
    Ok(())
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretFileError {
    let path = path.to_owned();
    move |source| SecretFileError::Io { doing, path, source }
}
