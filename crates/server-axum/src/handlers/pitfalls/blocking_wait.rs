//! DO NOT COPY: blocks the worker; see `docs/src/blocked-loop.md`.
//!
//! `GET /pitfalls/blocking-wait/{seconds}`: `/wait` with the sleep of the standard library.

use std::thread::sleep;

use axum::Json;
use contract::{Deadline, Wait, Waited};

use crate::deadline::within;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// Compiles, answers, passes every functional test, and stops all other tasks of this worker.
#[expect(clippy::disallowed_methods, reason = "the mistake is the subject")]
pub(crate) async fn blocking_wait(
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    within(deadline, async { sleep(wait.duration()) }).await?;
    Ok(Json(wait.waited()))
}
