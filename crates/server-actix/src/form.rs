//! A form of files, cut into parts as it comes. The cutting is actix-multipart's, the bounds are ours.

use std::error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use contract::form::{self, MOST_PARTS, PART_HEAD_BYTES};
use contract::{Boundary, FieldParams, FileName, Problem, Upload};
use futures_util::StreamExt;
use futures_util::stream::{Stream, try_unfold};

use crate::body::Body;
use crate::edge::Fields;
use crate::extract::app;
use crate::reply::Error;

/// The parts of a form, one after the other.
pub(crate) struct Form {
    parts: Multipart,
    seen: usize,
}

/// One part of a form.
pub(crate) struct Part {
    field: Field,
}

impl Form {
    /// The next part, once its head is here; `None` after the last. The part before has to be read to its end.
    pub(crate) async fn part(&mut self) -> Result<Option<Part>, Error> {
        let Some(field) = self.parts.next().await else { return Ok(None) };
        let field = field.map_err(failed)?;
        self.seen += 1;
        if self.seen > MOST_PARTS {
            return Err(form::too_many_parts().into());
        }
        let head = field.headers().iter();
        let length: usize = head.map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if length > PART_HEAD_BYTES {
            return Err(form::part_head_too_large().into());
        }
        Ok(Some(Part { field }))
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
        let Some(chunk) = self.field.next().await else { return Ok(None) };
        Ok(Some(chunk.map_err(failed)?))
    }

    /// Reads its content and keeps none of it.
    pub(crate) async fn skip(&mut self) -> Result<(), Error> {
        while self.chunk().await?.is_some() {}
        Ok(())
    }
}

impl FromRequest for Form {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = Fields(request.headers());
        let boundary = match Boundary::from_fields(&fields, &app(request).limits) {
            Ok(Boundary(boundary)) => boundary,
            Err(problem) => return ready(Err(problem.into())),
        };
        let body = Body::from_request(request, payload).into_inner();
        ready(
            body.map(|body| Self { parts: Multipart::new(&head(&boundary), sips(body)), seen: 0 }),
        )
    }
}

/// As `mixed`, what a part must have in its head is left to the contract.
fn head(boundary: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("multipart/mixed; boundary=\"{boundary}\""));
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, value.expect("a boundary is visible ASCII"));
    head
}

/// The body, a chunk at a time.
fn sips(body: Body<Upload>) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    try_unfold(body, |mut body| async move {
        let chunk = body.chunk().await.map_err(|Error(problem)| Refused(problem));
        let chunk = chunk.map_err(|refused| PayloadError::Io(io::Error::other(refused)))?;
        Ok(chunk.map(|chunk| (chunk, body)))
    })
}

/// A problem on its way through actix-multipart.
#[derive(Debug)]
struct Refused(Problem);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl error::Error for Refused {}

fn failed(error: MultipartError) -> Problem {
    let malformed = || form::malformed("the form is malformed or cut short");
    match error {
        // Its buffer is full, and no head's end in it.
        MultipartError::Payload(PayloadError::Overflow) => form::part_head_too_large(),
        MultipartError::Payload(PayloadError::Io(error)) => {
            let refused = error.into_inner().and_then(|error| error.downcast().ok());
            refused.map_or_else(malformed, |refused| Refused::into(*refused))
        }
        _ => malformed(),
    }
}

impl From<Refused> for Problem {
    fn from(Refused(problem): Refused) -> Self {
        problem
    }
}
