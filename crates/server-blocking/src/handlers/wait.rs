//! `GET /wait/{seconds}`: hold the request, then answer.

use contract::{Deadline, Wait, Waited};
use http_blocking::Json;

use crate::deadline::{sleep, within};
use crate::extract::{Path, Query};
use crate::reply::Error;

/// Waits on this connection's own thread, which does nothing else meanwhile.
pub(crate) fn wait(
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    within(deadline, wait.duration(), sleep)?;
    Ok(Json(wait.waited()))
}
