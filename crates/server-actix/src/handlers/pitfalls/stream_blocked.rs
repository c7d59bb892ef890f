//! DO NOT COPY: blocks the worker while it makes a stream; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/stream-blocked/{count}?interval=0.1`: `/stream` with the sleep of the standard library.

use std::iter::from_fn;
use std::thread::sleep;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use contract::headers::NDJSON;
use contract::{Count, Interval, Lines};
use futures_util::stream::{Stream, StreamExt, iter};
use settings::Counted;

use crate::app::App;
use crate::extract::{Path, Query};

/// Nothing in it is ever awaited: neither another task runs, nor is a line sent before the next is made.
pub(crate) async fn stream_blocked(
    app: Data<App>,
    Path(count): Path<Count>,
    Query(interval): Query<Interval>,
) -> HttpResponse {
    let counted = Counted::new(&app.streams);
    let lines = lines(count, interval).map(move |chunk| {
        let _open = &counted;
        Ok::<_, std::convert::Infallible>(Bytes::from(chunk))
    });
    HttpResponse::Ok().content_type(NDJSON).streaming(lines)
}

/// Each chunk, after its interval.
#[expect(clippy::disallowed_methods, reason = "the mistake is the subject")]
fn lines(count: Count, interval: Interval) -> impl Stream<Item = Vec<u8>> {
    let (mut lines, mut begun) = (Lines::new(count, interval), false);
    iter(from_fn(move || {
        if begun && !lines.is_done() {
            sleep(interval.0);
        }
        begun = true;
        lines.chunk()
    }))
}
