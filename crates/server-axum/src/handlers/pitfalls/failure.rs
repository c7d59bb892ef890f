//! DO NOT COPY: fails on purpose, in each way and in each place; see `docs/src/errors.md`.
//!
//! `GET /pitfalls/failure?how=error|panic|late&place=…`: what the client sees then, and what the log says, is tested.

use std::io;
use std::thread::sleep as block;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::headers::NDJSON;
use contract::pitfalls::{How, Place, on_purpose};
use contract::{Failure, Health, Problem};
use futures_util::stream::{StreamExt, once};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use metrics::gauge;
use settings::{Carried, Counted, carried_awaiting};
use tokio::spawn;
use tokio::task::yield_now;

use crate::app::App;
use crate::deadline::{sleep, within};
use crate::extract::Query;
use crate::reply::Error;

/// Fails as asked; every place but the forgotten one has somebody who waits for it.
pub(crate) async fn failure(
    State(app): State<App>,
    Query(failure): Query<Failure>,
) -> Result<Response, Error> {
    let (how, deadline) = (failure.how, failure.deadline());
    let running = Counted::new(&gauge!("failures_running"));
    match failure.place {
        Place::Handler => within(deadline, fails(how, running)).await??,
        Place::Task => within(deadline, elsewhere(how, running)).await??,
        Place::Forgotten => drop(spawn(fails(how, running))),
        Place::Offload => {
            within(deadline, app.offload.run(move || fails_there(how, running))).await???;
        }
        Place::Compute => app.cpu.offload(deadline, move |_| fails_there(how, running)).await??,
        Place::Stream => return Ok(stream(failure, running)),
    }
    Ok(Json(Health::default()).into_response())
}

/// A task has an end, and what it panicked with goes on where it is waited for.
async fn elsewhere(how: How, running: Counted) -> Result<(), Problem> {
    let ended = spawn(carried_awaiting(fails(how, running))).await;
    ended.map_err(|_| Problem::internal())?.unwrap_or_else(Carried::again)
}

/// Is seen in `/metrics` until it has ended.
async fn fails(how: How, _running: Counted) -> Result<(), Problem> {
    yield_now().await;
    match how {
        How::Error => return Err(on_purpose()),
        How::Panic => panic!("it panicked, on purpose"),
        How::Late => sleep(Failure::TOO_LONG).await,
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of a pool")]
fn fails_there(how: How, _running: Counted) -> Result<(), Problem> {
    match how {
        How::Error => return Err(on_purpose()),
        How::Panic => panic!("it panicked, on purpose"),
        How::Late => block(Failure::TOO_LONG),
    }
    Ok(())
}

/// A head and a line, which cannot be taken back.
fn stream(failure: Failure, running: Counted) -> Response {
    let line = once(async { Ok::<_, io::Error>("{\"n\":0}\n") });
    let lines = line.chain(once(async move {
        let ended = within(failure.deadline(), fails(failure.how, running)).await;
        let ended = ended.and_then(|ended| Ok(ended?));
        ended.map_err(|Error(problem)| io::Error::other(problem.detail))?;
        Ok("{\"n\":1}\n")
    }));
    ([(CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Body::from_stream(lines)).into_response()
}
