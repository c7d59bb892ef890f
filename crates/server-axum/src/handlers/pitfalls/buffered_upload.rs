//! DO NOT COPY: gathers an upload in memory; see `docs/src/pitfalls.md`.
//!
//! `PUT /pitfalls/buffered-upload/{name}`: `PUT /files/{name}`, but the whole body first.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::{FileName, Upload};
use http::StatusCode;

use crate::app::App;
use crate::body::Body;
use crate::extract::Path;
use crate::reply::Error;

/// A client with a gigabyte takes a gigabyte; what bounds it here is only `--body-budget`.
pub(crate) async fn buffered_upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let whole = body.whole().await?;
    let mut upload = app.files.create().await?;
    upload.write(&whole).await?;
    let (stored, is_new) = upload.keep(&name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(stored)))
}
