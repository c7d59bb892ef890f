//! `GET /offload/wait/{seconds}`: a blocking sleep on the offload pool, which is what such a pool is for.

use std::thread::sleep;

use contract::{Deadline, Wait, Waited};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// Holds a thread of the pool for the whole wait, and this one; a deadline gives up the answer, not the pool's thread.
pub(crate) fn offload_wait(
    State(app): State<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    app.offload.run(deadline, move || sleep(wait.duration()))?;
    Ok(Json(wait.waited()))
}
