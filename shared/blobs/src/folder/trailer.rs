//! What stands behind a blob's content in its file: its name and info as JSON, the JSON's length in 4 bytes, and 8 bytes
//! that tell the form.

use std::io::{self, SeekFrom};

use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::{BlobInfo, BlobName};

const FORM: &[u8; 8] = b"cmdblob1";
/// The length and the form.
const FOOT: u64 = 12;
/// A longer JSON is none that [`write`] made.
const LONGEST_JSON: u64 = 4096;

#[derive(Serialize)]
struct Written<'a> {
    name: &'a BlobName,
    info: &'a BlobInfo,
}

#[derive(Deserialize)]
struct Read {
    name: BlobName,
    info: BlobInfo,
}

pub(super) fn write(name: &BlobName, info: &BlobInfo) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Written { name, info })?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(FORM);
    Ok(bytes)
}

/// The info of a file, which is then at its start; `None` where the file is not one of `name`.
pub(super) async fn read(file: &mut File, name: &BlobName) -> io::Result<Option<BlobInfo>> {
    Ok(read_any(file).await?.filter(|(of, _)| of == name).map(|(_, info)| info))
}

/// The name and info of a file, which is then at its start; `None` where it is none that [`write`] made.
pub(super) async fn read_any(file: &mut File) -> io::Result<Option<(BlobName, BlobInfo)>> {
    let whole = file.metadata().await?.len();
    let Some(foot_at) = whole.checked_sub(FOOT) else { return Ok(None) };
    let mut foot = [0; FOOT as usize];
    file.seek(SeekFrom::Start(foot_at)).await?;
    file.read_exact(&mut foot).await?;
    let length = u64::from(u32::from_be_bytes([foot[0], foot[1], foot[2], foot[3]]));
    let (true, Some(json_at)) = (&foot[4..] == FORM && length <= LONGEST_JSON, foot_at.checked_sub(length)) else {
        return Ok(None);
    };
    let mut json = Vec::new();
    file.seek(SeekFrom::Start(json_at)).await?;
    (&mut *file).take(length).read_to_end(&mut json).await?;
    file.rewind().await?;
    let read: Option<Read> = serde_json::from_slice(&json).ok();
    Ok(read.filter(|read| read.info.bytes == json_at).map(|read| (read.name, read.info)))
}
