//! DO NOT COPY: gathers an upload in memory; see `docs/src/pitfalls.md`.
//!
//! `PUT /pitfalls/buffered-upload/{name}`: `PUT /files/{name}`, but the whole body first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use contract::{FileName, Upload};

use crate::app::App;
use crate::body::Body;
use crate::extract::Path;
use crate::reply::Error;

/// A client with a gigabyte takes a gigabyte; what bounds it here is only `--body-budget`.
pub(crate) async fn buffered_upload(
    app: Data<App>,
    Path(name): Path<FileName>,
    body: Body<Upload>,
) -> Result<HttpResponse, Error> {
    let whole = body.whole().await?;
    let mut upload = app.files.create().await?;
    upload.write(&whole).await?;
    let (stored, is_new) = upload.keep(&name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(stored))
}
