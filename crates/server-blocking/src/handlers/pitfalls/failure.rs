//! DO NOT COPY: fails on purpose, in each way and in each place; see `docs/src/errors.md`.
//!
//! `GET /pitfalls/failure?how=error|panic|late&place=…`: what the client sees then, and what the log says, is tested.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;

use contract::headers::NDJSON;
use contract::pitfalls::{How, Place, on_purpose};
use contract::{Deadline, Failure, Health, Problem};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{ChunkWriter, IntoResponse, Json, Payload, Response, State};
use metrics::gauge;
use settings::{Carried, Counted, carried};

use crate::app::App;
use crate::deadline::{sleep, within};
use crate::extract::Query;
use crate::reply::Error;

/// Fails as asked; every place but the forgotten one has somebody who waits for it.
pub(crate) fn failure(
    State(app): State<App>,
    Query(failure): Query<Failure>,
) -> Result<Response, Error> {
    let (how, deadline) = (failure.how, failure.deadline());
    let running = Counted::new(&gauge!("failures_running"));
    match failure.place {
        Place::Handler => fails(how, deadline, running)?,
        Place::Task => elsewhere(how, deadline, running)?,
        Place::Forgotten => {
            let forgotten = Builder::new().spawn(move || fails_there(how, running));
            forgotten.map_err(|_| Problem::no_thread())?;
        }
        Place::Offload => app.offload.run(deadline, move || fails_there(how, running))??,
        Place::Compute => app.cpu.offload(deadline, move |_| fails_there(how, running))??,
        Place::Stream => return Ok(stream(failure, running)),
    }
    Ok(Json(Health::default()).into_response())
}

/// A thread has an end, and what it panicked with goes on where it is waited for.
fn elsewhere(how: How, deadline: Deadline, running: Counted) -> Result<(), Problem> {
    let (end, ended) = sync_channel(1);
    let thread = Builder::new().spawn(move || end.send(carried(|| fails_there(how, running))));
    thread.map_err(|_| Problem::no_thread())?;
    let ended = ended.recv_timeout(deadline.duration()).map_err(|error| match error {
        RecvTimeoutError::Timeout => Problem::deadline_passed(),
        RecvTimeoutError::Disconnected => Problem::internal(),
    })?;
    ended.unwrap_or_else(Carried::again)
}

/// Is seen in `/metrics` until it has ended.
fn fails(how: How, deadline: Deadline, _running: Counted) -> Result<(), Error> {
    match how {
        How::Error => Err(on_purpose().into()),
        How::Panic => panic!("it panicked, on purpose"),
        How::Late => within(deadline, Failure::TOO_LONG, sleep),
    }
}

fn fails_there(how: How, _running: Counted) -> Result<(), Problem> {
    match how {
        How::Error => return Err(on_purpose()),
        How::Panic => panic!("it panicked, on purpose"),
        How::Late => sleep(Failure::TOO_LONG),
    }
    Ok(())
}

/// A head and a line, which cannot be taken back.
fn stream(failure: Failure, running: Counted) -> Response {
    let lines = move |client: &mut ChunkWriter<'_>| {
        client.write_all(b"{\"n\":0}\n")?;
        client.flush()?;
        let failed = |Error(problem)| io::Error::other(problem.detail);
        fails(failure.how, failure.deadline(), running).map_err(failed)?;
        client.write_all(b"{\"n\":1}\n")
    };
    ([(CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Payload::stream(lines)).into_response()
}
