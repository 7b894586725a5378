use std::io;
use std::time::Duration;

use blobs::Content;
use futures::stream;
use google_cloud_storage::read_object::ReadObjectResponse;

use crate::failure::{GcsError, OPEN};

/// How long a piece of content may take to come, its second attempts included.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// The content as it comes. Google's client goes on where a connection broke, on the same generation, and checks the
/// whole by its CRC32C.
pub(crate) fn pieces(response: ReadObjectResponse, bucket: String) -> Content {
    Content::stream(stream::try_unfold((response, bucket), async |(mut response, bucket)| {
        let next = tokio::time::timeout(LONGEST_SILENCE, response.next()).await;
        let next = next.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, GcsError::NoAnswer(LONGEST_SILENCE)))?;
        match next {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some((piece, (response, bucket)))),
            Some(Err(error)) => Err(io::Error::other(GcsError::of(OPEN, &bucket, &error))),
        }
    }))
}
