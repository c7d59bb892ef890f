//! `/files/{name}`: one file, sent as a whole or in part, stored, removed.

use axum::Json;
use axum::body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contract::{FileName, Upload, Wanted};
use futures_util::stream::{Stream, try_unfold};
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use io_async::files::Download;
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// What is read of a file at once.
const CHUNK: u64 = 64 << 10;

/// Sends what is asked for of the file, as the client takes it. A client that leaves drops the stream, and so closes
/// the file.
pub(crate) async fn download(
    State(app): State<App>,
    Path(name): Path<FileName>,
    Head(wanted): Head<Wanted>,
) -> Result<impl IntoResponse, Error> {
    let mut download = app.files.open(&name).await?;
    let delivery = wanted.of(&name, &download.stored);
    download.seek(delivery.from).await?;
    let mut reply = match (delivery.problem(), delivery.length) {
        (Some(problem), _) => Error::from(problem).into_response(),
        (None, None) => StatusCode::NOT_MODIFIED.into_response(),
        (None, Some(length)) => content(&app, delivery.status, download, length),
    };
    for (name, value) in delivery.fields {
        let value = HeaderValue::try_from(value).expect("the contract writes visible ASCII");
        reply.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(reply)
}

/// Stores the body as it comes, under a name of its own until it is whole.
pub(crate) async fn upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    mut body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let mut upload = app.files.create().await?;
    while let Some(chunk) = body.chunk().await? {
        upload.write(&chunk).await?;
    }
    let (stored, is_new) = upload.keep(&name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(name.location()).expect("it is percent-encoded");
    Ok((status, [(LOCATION, location)], Json(stored)))
}

/// Removes the file; who has it open reads on.
pub(crate) async fn remove(
    State(app): State<App>,
    Path(name): Path<FileName>,
) -> Result<impl IntoResponse, Error> {
    app.files.remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `length` bytes of the file from where it stands.
fn content(app: &App, status: u16, download: Download, length: u64) -> Response {
    let status = StatusCode::from_u16(status).expect("the contract gives a status");
    let counted = Counted::new(&app.streams);
    let chunks = chunks(download, length, counted);
    (status, [(CONTENT_LENGTH, HeaderValue::from(length))], body::Body::from_stream(chunks))
        .into_response()
}

fn chunks(
    download: Download,
    length: u64,
    open: Counted,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    try_unfold((download, length, open), |(mut download, left, open)| async move {
        if left == 0 {
            return Ok(None);
        }
        let chunk = download.read(left.min(CHUNK) as usize).await?;
        let left = left - chunk.len() as u64;
        Ok(Some((chunk, (download, left, open))))
    })
}
