//! DO NOT COPY: a timeout that does not stop the work; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/timeout/{seconds}?deadline=`: a call that does not know of its deadline; and one that does, at `/remedies/…`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use contract::{Deadline, Problem, Wait, Waited};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// How long a call goes on without asking whether it is wanted.
const STEP: Duration = Duration::from_millis(20);

/// The client has its 503 in time. The thread works on for nobody, and whoever comes next waits for it.
pub(crate) fn timeout(
    State(app): State<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    app.offload.run(deadline, move || sleep(wait.duration()))?;
    Ok(Json(wait.waited()))
}

/// The remedy: the thread is told its deadline, and looks between two steps.
pub(crate) fn remedied(
    State(app): State<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    let until = Instant::now() + deadline.duration();
    app.offload.run(deadline, move || in_steps(wait.duration(), || Instant::now() < until))??;
    Ok(Json(wait.waited()))
}

/// Whoever stops half way says so, because its client may still be there.
fn in_steps(mut left: Duration, go_on: impl Fn() -> bool) -> Result<(), Problem> {
    while !left.is_zero() {
        if !go_on() {
            return Err(Problem::deadline_passed());
        }
        sleep(left.min(STEP));
        left = left.saturating_sub(STEP);
    }
    Ok(())
}
