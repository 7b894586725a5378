use std::fmt;
use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};

/// A blob's bytes, as a stream of pieces.
pub struct Content(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>);

impl Content {
    /// Content that comes in pieces.
    pub fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// The pieces, for a response's body.
    pub fn into_stream(self) -> Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> {
        self.0
    }

    /// All of it at once, for content that is known to be small: an error where it has more than `most_bytes`.
    pub async fn read(mut self, most_bytes: usize) -> io::Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.0.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > most_bytes {
                let told = format!("the content has more than {most_bytes} bytes");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, told));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(whole: T) -> Self {
        let whole = whole.into();
        Self::stream(stream::once(async move { Ok(whole) }))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(..)")
    }
}
