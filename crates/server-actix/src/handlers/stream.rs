//! `GET /stream/{count}?interval=0.1`: lines made as the reader takes them.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use contract::headers::NDJSON;
use contract::{Count, Interval, Lines};
use futures_util::stream::{Stream, StreamExt, unfold};
use settings::Counted;

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::{Path, Query};

/// A line is made when the client has taken the one before. A client that leaves drops the stream, and so ends it.
pub(crate) async fn stream(
    app: Data<App>,
    Path(count): Path<Count>,
    Query(interval): Query<Interval>,
) -> HttpResponse {
    let counted = Counted::new(&app.streams);
    let lines = lines(count, interval).take_until(async move { app.drain.started().await });
    let lines = lines.map(move |chunk| {
        let _open = &counted;
        Ok::<_, std::convert::Infallible>(Bytes::from(chunk))
    });
    HttpResponse::Ok().content_type(NDJSON).streaming(lines)
}

/// Each chunk, after its interval.
fn lines(count: Count, interval: Interval) -> impl Stream<Item = Vec<u8>> {
    unfold((Lines::new(count, interval), false), move |(mut lines, begun)| async move {
        if begun && !lines.is_done() {
            sleep(interval.0).await;
        }
        Some((lines.chunk()?, (lines, true)))
    })
}
