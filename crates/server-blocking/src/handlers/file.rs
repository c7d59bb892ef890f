//! `/files/{name}`: one file, sent as a whole or in part, stored, removed.

use std::io::Write;

use contract::{FileName, Upload, Wanted};
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use http_blocking::{ChunkWriter, IntoResponse, Json, Payload, Response, State};
use io_blocking::files::Download;
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// What is read of a file at once.
const CHUNK: u64 = 64 << 10;

/// Sends what is asked for of the file, as the client takes it. A client that leaves fails the next write, which
/// closes the file.
pub(crate) fn download(
    State(app): State<App>,
    Path(name): Path<FileName>,
    Head(wanted): Head<Wanted>,
) -> Result<impl IntoResponse, Error> {
    let mut download = app.files.open(&name)?;
    let delivery = wanted.of(&name, &download.stored);
    download.seek(delivery.from)?;
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
pub(crate) fn upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    mut body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let mut upload = app.files.create()?;
    while let Some(chunk) = body.chunk()? {
        upload.write(chunk)?;
    }
    let (stored, is_new) = upload.keep(&name)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(name.location()).expect("it is percent-encoded");
    Ok((status, [(LOCATION, location)], Json(stored)))
}

/// Removes the file; who has it open reads on.
pub(crate) fn remove(
    State(app): State<App>,
    Path(name): Path<FileName>,
) -> Result<impl IntoResponse, Error> {
    app.files.remove(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `length` bytes of the file from where it stands.
fn content(app: &App, status: u16, download: Download, length: u64) -> Response {
    let status = StatusCode::from_u16(status).expect("the contract gives a status");
    let counted = Counted::new(&app.streams);
    let chunks = move |client: &mut ChunkWriter<'_>| {
        let _open = counted;
        chunks(download, length, client)
    };
    (status, Payload::sized_stream(length, chunks)).into_response()
}

fn chunks(
    mut download: Download,
    length: u64,
    client: &mut ChunkWriter<'_>,
) -> std::io::Result<()> {
    let mut left = length;
    while left > 0 {
        let chunk = download.read(left.min(CHUNK) as usize)?;
        client.write_all(&chunk)?;
        left -= chunk.len() as u64;
    }
    Ok(())
}
