//! The body of a request as a reader that ends where the body ends, with a limit on bytes and a clock on the client.

use std::fmt;
use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;

use crate::incoming::Incoming;

/// The body of a [`Request`](crate::Request). Reading blocks until the client sends; what is read never goes past the
/// body. A failed read fails the same way again; the [`BodyError`] inside its `io::Error` says why.
#[derive(Default)]
pub struct Body {
    content: Content,
}

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    /// Made in this process: tests, and servers that change a body before they hand it on.
    Whole { bytes: Cursor<Bytes>, limit: u64 },
    /// Shared with the connection, which takes it back once the request is answered.
    Wire(Arc<Mutex<Incoming>>),
}

/// Why a body could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 413: over the limit.
    #[error("the body is too large")]
    TooLarge,
    /// 408: nothing came for too long.
    #[error("the body stayed silent for too long")]
    Idle,
    /// 408: what came, came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// 400: not chunked as RFC 9112 section 7.1 has it.
    #[error("the body is malformed")]
    Malformed,
    /// 400: the client left before its end.
    #[error("the body was cut short")]
    CutShort,
}

impl BodyError {
    /// The status that says it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Idle | Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed | Self::CutShort => StatusCode::BAD_REQUEST,
        }
    }

    /// The reason inside an error that reading a [`Body`] gave; none in an error from elsewhere.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge => ErrorKind::FileTooLarge,
            BodyError::Idle | BodyError::TooSlow => ErrorKind::TimedOut,
            BodyError::Malformed => ErrorKind::InvalidData,
            BodyError::CutShort => ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

impl Body {
    /// No content.
    pub fn empty() -> Self {
        Self::default()
    }

    pub(crate) fn wire(incoming: Arc<Mutex<Incoming>>) -> Self {
        Self { content: Content::Wire(incoming) }
    }

    /// Takes the body out of its request and leaves an empty one.
    pub fn take(&mut self) -> Self {
        Self { content: std::mem::take(&mut self.content) }
    }

    /// What the client declared (`Content-Length`); none when it is chunked.
    pub fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Empty => Some(0),
            Content::Whole { bytes, .. } => Some(bytes.get_ref().len() as u64),
            Content::Wire(incoming) => lock(incoming).declared(),
        }
    }

    /// Makes reading fail once more than `limit` bytes are there, and at once when more were declared.
    pub fn set_limit(&mut self, most: u64) {
        match &mut self.content {
            Content::Empty => {}
            Content::Whole { limit, .. } => *limit = most,
            Content::Wire(incoming) => lock(incoming).set_limit(most),
        }
    }

    /// Reads all of it, at most `limit` bytes. Memory grows with what arrives, not with what was declared.
    ///
    /// # Errors
    /// When it is over the limit, too slow, malformed or cut short.
    pub fn read_whole(&mut self, limit: u64) -> Result<Vec<u8>, BodyError> {
        self.set_limit(limit);
        let mut bytes = Vec::new();
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(BodyError::of(&error).unwrap_or(BodyError::CutShort)),
        }
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Empty => Ok(0),
            Content::Whole { bytes, limit } if bytes.get_ref().len() as u64 > *limit => {
                Err(BodyError::TooLarge.into())
            }
            Content::Whole { bytes, .. } => bytes.read(into),
            Content::Wire(incoming) => Ok(lock(incoming).read(into)?),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let content = Content::Whole { bytes: Cursor::new(bytes), limit: u64::MAX };
        Self { content }
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.length()).finish_non_exhaustive()
    }
}

/// A handler that panicked while it read leaves the reader as it was: nothing is half done between two reads.
pub(crate) fn lock(incoming: &Mutex<Incoming>) -> MutexGuard<'_, Incoming> {
    incoming.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_body_is_read_up_to_its_limit() {
        assert_eq!(Body::from(&b"hello"[..]).read_whole(5).unwrap(), b"hello");
        assert_eq!(Body::from(&b"hello"[..]).read_whole(4), Err(BodyError::TooLarge));
        assert_eq!(Body::empty().read_whole(0).unwrap(), b"");
    }

    #[test]
    fn an_error_carries_its_reason_through_io() {
        let error = io::Error::from(BodyError::TooSlow);
        assert_eq!(BodyError::of(&error), Some(BodyError::TooSlow));
        assert_eq!(BodyError::of(&ErrorKind::TimedOut.into()), None);
    }
}
