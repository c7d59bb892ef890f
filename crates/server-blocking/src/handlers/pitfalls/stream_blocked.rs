//! `GET /pitfalls/stream-blocked/{count}?interval=0.1`: `/stream` with the sleep of the standard library, which is right here,
//! but that a drain has to wait for it.

use std::io::Write;
use std::thread::sleep;

use contract::headers::NDJSON;
use contract::{Count, Interval, Lines};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{ChunkWriter, IntoResponse, Payload, State};
use settings::Counted;

use crate::app::App;
use crate::extract::{Path, Query};

/// This thread is the connection's own: it sleeps between two lines, and disturbs nobody.
pub(crate) fn stream_blocked(
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
        client.flush()?;
        if !lines.is_done() {
            sleep(interval.0);
        }
    }
    Ok(())
}
