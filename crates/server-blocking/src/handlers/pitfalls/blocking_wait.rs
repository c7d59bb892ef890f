//! `GET /pitfalls/blocking-wait/{seconds}`: `/wait` with the sleep of the standard library, which is right here.

use std::thread::sleep;

use contract::{Deadline, Wait, Waited};
use http_blocking::Json;

use crate::deadline::within;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// The same as `/wait`: this thread is the connection's own, and blocking is what it is for.
pub(crate) fn blocking_wait(
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    within(deadline, wait.duration(), sleep)?;
    Ok(Json(wait.waited()))
}
