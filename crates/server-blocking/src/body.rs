//! The body of a request, chunk by chunk: bounded in size, and not slower than a client may be.

use std::io::{self, ErrorKind, Read};
use std::marker::PhantomData;

use bytes::BytesMut;
use contract::{BodyKind, Problem, Small};
use http_blocking::{BodyError, FromRequest, Request};
use settings::{Budget, Whole};

use crate::app::App;
use crate::reply::Error;

/// How much is read at once.
const CHUNK: usize = 16 << 10;

/// What is left to read of a request's body, which may be as large as its kind.
pub(crate) struct Body<K = Small> {
    body: http_blocking::Body,
    chunk: Vec<u8>,
    pub(crate) limit: u64,
    budget: Budget,
    kind: PhantomData<fn() -> K>,
}

impl<K> Body<K> {
    /// The next bytes, `None` at the end. Blocks until the client sends, for as long as a client may take.
    pub(crate) fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        self.chunk.resize(CHUNK, 0);
        loop {
            match self.body.read(&mut self.chunk) {
                Ok(0) => return Ok(None),
                Ok(read) => return Ok(Some(&self.chunk[..read])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&error, self.limit).into()),
            }
        }
    }

    /// All of it, once it is here. Memory grows with what comes, not with what was announced, and within the budget of all
    /// requests.
    pub(crate) fn whole(mut self) -> Result<Whole, Error> {
        let (mut whole, mut held) = (BytesMut::new(), self.budget.hold());
        while let Some(chunk) = self.chunk()? {
            held.grow(chunk.len())?;
            whole.extend_from_slice(chunk);
        }
        Ok(Whole { bytes: whole.freeze(), held })
    }
}

impl<K> Read for Body<K> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.body.read(into)
    }
}

impl<K: BodyKind> FromRequest<App> for Body<K> {
    type Rejection = Error;

    /// Refuses a body that announces itself as too large before any of it is read.
    fn from_request(request: &mut Request, app: &App) -> Result<Self, Error> {
        let limit = K::limit(&app.limits);
        let mut body = request.body_mut().take();
        if body.length().is_some_and(|length| length > limit) {
            return Err(Problem::too_large(limit).into());
        }
        body.set_limit(limit);
        let budget = app.bodies.clone();
        Ok(Self { body, chunk: Vec::new(), limit, budget, kind: PhantomData })
    }
}

/// What an error of reading a body means to its client.
pub(crate) fn failed(error: &io::Error, limit: u64) -> Problem {
    match BodyError::of(error) {
        Some(BodyError::TooLarge) => Problem::too_large(limit),
        Some(BodyError::Idle | BodyError::TooSlow) => Problem::body_timeout(),
        _ => Problem::bad_request("the body is malformed or cut short"),
    }
}
