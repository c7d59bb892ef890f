//! The body of a request, chunk by chunk: bounded in size, and not slower than a client may be.

use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use contract::{BodyKind, Problem, Small};
use http::header::CONTENT_LENGTH;
use http_async::{BodyError, Connection, Pace, Paced};
use http_body::Body as _;
use http_body_util::BodyExt;
use settings::{Budget, Whole};

use crate::app::App;
use crate::reply::Error;

/// What is left to read of a request's body, which may be as large as its kind.
pub(crate) struct Body<K = Small> {
    paced: Option<Paced<axum::body::Body>>,
    left: u64,
    limit: u64,
    budget: Budget,
    kind: PhantomData<fn() -> K>,
}

impl<K> Body<K> {
    /// The next bytes, `None` at the end. Awaits the client, for as long as a client may take.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(paced) = &mut self.paced else { return Ok(None) };
        while let Some(frame) = paced.frame().await {
            // Trailers are read and dropped.
            let Ok(chunk) = frame.map_err(failed)?.into_data() else { continue };
            self.left =
                self.left.checked_sub(chunk.len() as u64).ok_or_else(|| self.too_large())?;
            return Ok(Some(chunk));
        }
        Ok(None)
    }

    /// All of it, once it is here. Memory grows with what comes, not with what was announced, and within the budget of all
    /// requests.
    pub(crate) async fn whole(mut self) -> Result<Whole, Error> {
        let (mut whole, mut held) = (BytesMut::new(), self.budget.hold());
        while let Some(chunk) = self.chunk().await? {
            held.grow(chunk.len())?;
            whole.extend_from_slice(&chunk);
        }
        Ok(Whole { bytes: whole.freeze(), held })
    }

    fn too_large(&self) -> Problem {
        Problem::too_large(self.limit)
    }
}

impl<K: BodyKind> FromRequest<App> for Body<K> {
    type Rejection = Error;

    /// Refuses a body that announces itself as too large before any of it is read.
    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let limit = K::limit(&app.limits);
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit)
        {
            return Err(Problem::too_large(limit).into());
        }
        let pace = Pace { idle: app.limits.body_idle, rate: app.limits.body_rate };
        let paced = if request.body().is_end_stream() {
            None
        } else {
            let connection = request.extensions().get::<Connection>().cloned();
            let connection = connection.expect("`serve` adds it to whatever has a body");
            Some(Paced::new(request.into_body(), connection, pace))
        };
        let budget = app.bodies.clone();
        Ok(Self { paced, left: limit, limit, budget, kind: PhantomData })
    }
}

fn failed(error: BodyError) -> Problem {
    match error {
        BodyError::Slow(_) => Problem::body_timeout(),
        BodyError::Broken(_) => Problem::bad_request("the body is malformed or cut short"),
    }
}
