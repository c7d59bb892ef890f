//! A form of files, cut into parts as it comes. The cutting is http-blocking's, the bounds are the contract's.

use contract::form::{self, MOST_PARTS, PART_HEAD_BYTES};
use contract::{Boundary, FieldParams, FileName, Problem, Upload};
use http::HeaderMap;
use http::header::CONTENT_DISPOSITION;
use http_blocking::{FromRequest, Multipart, MultipartError, Request};

use crate::app::App;
use crate::body::{self, Body};
use crate::reply::Error;

/// The parts of a form, one after the other.
pub(crate) struct Form {
    parts: Multipart<Body<Upload>>,
    limit: u64,
    seen: usize,
}

/// One part of a form.
pub(crate) struct Part<'a> {
    form: &'a mut Form,
    head: HeaderMap,
}

impl Form {
    /// The next part, once its head is here; `None` after the last. The part before has to be read to its end.
    pub(crate) fn part(&mut self) -> Result<Option<Part<'_>>, Error> {
        let head = self.parts.next_part().map_err(|error| failed(error, self.limit))?;
        let Some(head) = head else { return Ok(None) };
        self.seen += 1;
        if self.seen > MOST_PARTS {
            return Err(form::too_many_parts().into());
        }
        Ok(Some(Part { form: self, head }))
    }
}

impl Part<'_> {
    /// What the file in it is called; `None` if there is no file in it.
    pub(crate) fn file_name(&self) -> Result<Option<FileName>, Error> {
        let disposition = self.head.get(CONTENT_DISPOSITION);
        Ok(form::file_name(disposition.map(|value| value.as_bytes()))?)
    }

    /// The next bytes of its content, `None` at its end.
    pub(crate) fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        let limit = self.form.limit;
        Ok(self.form.parts.chunk().map_err(|error| failed(error, limit))?)
    }

    /// Reads its content and keeps none of it.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        while self.chunk()?.is_some() {}
        Ok(())
    }
}

impl FromRequest<App> for Form {
    type Rejection = Error;

    fn from_request(request: &mut Request, app: &App) -> Result<Self, Error> {
        let Boundary(boundary) = Boundary::from_fields(request.headers(), &app.limits)?;
        let body = Body::from_request(request, app)?;
        let limit = body.limit;
        Ok(Self { parts: Multipart::new(body, &boundary, PART_HEAD_BYTES), limit, seen: 0 })
    }
}

fn failed(error: MultipartError, limit: u64) -> Problem {
    match error {
        MultipartError::HeadTooLarge => form::part_head_too_large(),
        MultipartError::Read(error) => body::failed(&error, limit),
        MultipartError::Malformed | MultipartError::CutShort => {
            form::malformed("the form is malformed or cut short")
        }
    }
}
