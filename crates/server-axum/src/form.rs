//! A form of files, cut into parts as it comes. The cutting is multer's, the bounds are ours.

use std::error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use contract::form::{self, MOST_PARTS, PART_HEAD_BYTES};
use contract::{Boundary, FieldParams, FileName, Problem, Upload};
use futures_util::stream::{Stream, try_unfold};
use http::header::CONTENT_DISPOSITION;
use multer::{Field, Multipart};
use tokio::task::yield_now;

use crate::app::App;
use crate::body::Body;
use crate::reply::Error;

/// The parts of a form, one after the other.
pub(crate) struct Form {
    parts: Multipart<'static>,
    ration: Ration,
    seen: usize,
}

/// One part of a form.
pub(crate) struct Part {
    field: Field<'static>,
    ration: Ration,
}

impl Form {
    /// The next part, once its head is here; `None` after the last. The part before has to be read to its end.
    pub(crate) async fn part(&mut self) -> Result<Option<Part>, Error> {
        self.ration.set(PART_HEAD_BYTES);
        let Some(field) = self.parts.next_field().await.map_err(failed)? else { return Ok(None) };
        self.seen += 1;
        if self.seen > MOST_PARTS {
            return Err(form::too_many_parts().into());
        }
        let head = field.headers().iter();
        let length: usize = head.map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if length > PART_HEAD_BYTES {
            return Err(form::part_head_too_large().into());
        }
        Ok(Some(Part { field, ration: self.ration.clone() }))
    }
}

impl Part {
    /// What the file in it is called; `None` if there is no file in it.
    pub(crate) fn file_name(&self) -> Result<Option<FileName>, Error> {
        let disposition = self.field.headers().get(CONTENT_DISPOSITION);
        Ok(form::file_name(disposition.map(|value| value.as_bytes()))?)
    }

    /// The next bytes of its content, `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        // Content is handed on, and not gathered.
        self.ration.set(usize::MAX);
        Ok(self.field.chunk().await.map_err(failed)?)
    }

    /// Reads its content and keeps none of it.
    pub(crate) async fn skip(&mut self) -> Result<(), Error> {
        while self.chunk().await?.is_some() {}
        Ok(())
    }
}

impl FromRequest<App> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let Boundary(boundary) = Boundary::from_fields(request.headers(), &app.limits)?;
        let ration = Ration::default();
        let body = Body::from_request(request, app).await?;
        let parts = Multipart::new(sips(body, ration.clone()), boundary);
        Ok(Self { parts, ration, seen: 0 })
    }
}

/// How many bytes multer may still take before it has to show something for them: it gathers the head of a part without
/// a limit of its own.
#[derive(Clone, Default)]
struct Ration(Arc<AtomicUsize>);

impl Ration {
    fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn take(&self, bytes: usize) {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
    }
}

/// The body, a chunk at a time: multer takes all that is ready before it looks at any of it, which could be everything.
fn sips(body: Body<Upload>, ration: Ration) -> impl Stream<Item = Result<Bytes, Refused>> {
    try_unfold((body, ration), |(mut body, ration)| async move {
        yield_now().await;
        if ration.is_used_up() {
            return Err(Refused(form::part_head_too_large()));
        }
        let chunk = body.chunk().await.map_err(|Error(problem)| Refused(problem))?;
        Ok(chunk.map(|chunk| {
            ration.take(chunk.len());
            (chunk, (body, ration))
        }))
    })
}

/// A problem on its way through multer.
#[derive(Debug)]
struct Refused(Problem);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl error::Error for Refused {}

fn failed(error: multer::Error) -> Problem {
    let malformed = || form::malformed("the form is malformed or cut short");
    match error {
        multer::Error::StreamReadFailed(error) => {
            error.downcast().map_or_else(|_| malformed(), |refused| Refused::into(*refused))
        }
        _ => malformed(),
    }
}

impl From<Refused> for Problem {
    fn from(Refused(problem): Refused) -> Self {
        problem
    }
}
