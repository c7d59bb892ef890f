//! DO NOT COPY: gathers an upload in memory; see `docs/src/pitfalls.md`.
//!
//! `PUT /pitfalls/buffered-upload/{name}`: `PUT /files/{name}`, but the whole body first.

use contract::{FileName, Upload};
use http::StatusCode;
use http_blocking::{IntoResponse, Json, State};

use crate::app::App;
use crate::body::Body;
use crate::extract::Path;
use crate::reply::Error;

/// A client with a gigabyte takes a gigabyte; what bounds it here is only `--body-budget`.
pub(crate) fn buffered_upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let whole = body.whole()?;
    let mut upload = app.files.create()?;
    upload.write(&whole)?;
    let (stored, is_new) = upload.keep(&name)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(stored)))
}
