//! The content of an answer: nothing, bytes, or a function that writes it while the client reads.

use std::fmt;
use std::io;

use bytes::Bytes;

use crate::ChunkWriter;

/// The content of a [`Response`](crate::Response).
pub struct Payload(pub(crate) Content);

pub(crate) enum Content {
    Whole(Bytes),
    Stream { length: Option<u64>, write: Write },
}

pub(crate) type Write = Box<dyn FnOnce(&mut ChunkWriter<'_>) -> io::Result<()> + Send>;

impl Payload {
    /// No content.
    pub const fn empty() -> Self {
        Self(Content::Whole(Bytes::new()))
    }

    /// Content of unknown length: `write` runs on the connection's thread once the head is sent. Each flush is a chunk
    /// the client gets at once. When `write` fails or panics the connection is closed without the last chunk, so
    /// that the client can tell.
    pub fn stream<W>(write: W) -> Self
    where
        W: FnOnce(&mut ChunkWriter<'_>) -> io::Result<()> + Send + 'static,
    {
        Self(Content::Stream { length: None, write: Box::new(write) })
    }

    /// Content of `length` bytes, which `write` writes. To write more fails; to write less closes the connection.
    pub fn sized_stream<W>(length: u64, write: W) -> Self
    where
        W: FnOnce(&mut ChunkWriter<'_>) -> io::Result<()> + Send + 'static,
    {
        Self(Content::Stream { length: Some(length), write: Box::new(write) })
    }

    /// The same, with `watch` around the function that writes it. Content that is not streamed stays as it is.
    pub fn watched<W>(self, watch: W) -> Self
    where
        W: FnOnce(
                Box<dyn FnOnce(&mut ChunkWriter<'_>) -> io::Result<()> + Send>,
                &mut ChunkWriter<'_>,
            ) -> io::Result<()>
            + Send
            + 'static,
    {
        match self.0 {
            Content::Stream { length, write } => {
                let write = Box::new(move |client: &mut ChunkWriter<'_>| watch(write, client));
                Self(Content::Stream { length, write })
            }
            whole @ Content::Whole(_) => Self(whole),
        }
    }

    /// The content, unless it is streamed.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Content::Whole(bytes) => Some(bytes),
            Content::Stream { .. } => None,
        }
    }

    /// How long it is, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Content::Whole(bytes) => Some(bytes.len() as u64),
            Content::Stream { length, .. } => *length,
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Whole(bytes) => f.debug_tuple("Payload").field(bytes).finish(),
            Content::Stream { length, .. } => {
                f.debug_struct("Payload").field("length", length).finish_non_exhaustive()
            }
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Whole(bytes))
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Payload {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}
