//! `GET /stream/{count}?interval=0.1`: lines made as the reader takes them.

use std::io::Write;

use contract::headers::NDJSON;
use contract::{Count, Interval, Lines};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{ChunkWriter, IntoResponse, Payload, State};
use settings::Counted;

use crate::app::App;
use crate::extract::{Path, Query};

/// A line is made when the client has taken the one before. A client that leaves fails the next write, which ends it.
pub(crate) fn stream(
    State(app): State<App>,
    Path(count): Path<Count>,
    Query(interval): Query<Interval>,
) -> impl IntoResponse {
    let counted = Counted::new(&app.streams);
    let lines = move |client: &mut ChunkWriter<'_>| {
        let _open = &counted;
        lines(count, interval, client)
    };
    ([(CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Payload::stream(lines))
}

/// Each chunk, after its interval.
fn lines(count: Count, interval: Interval, client: &mut ChunkWriter<'_>) -> std::io::Result<()> {
    let mut lines = Lines::new(count, interval);
    while let Some(chunk) = lines.chunk() {
        client.write_all(&chunk)?;
        // The pause sends what was written; it ends early when the server drains.
        if !lines.is_done() && client.pause(interval.0)? {
            break;
        }
    }
    Ok(())
}
