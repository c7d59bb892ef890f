//! DO NOT COPY: waits on the pool for computing; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/small-pool/{seconds}`: `/offload/wait` on a pool that has as many threads as there are cores.

use std::thread::sleep;

use contract::{Deadline, Wait, Waited};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// So many threads are right for what computes. What waits leaves the cores idle, and whoever would compute waits too.
pub(crate) fn small_pool(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    let deadline = Deadline::default().bounded(&app.limits, wait.duration());
    app.cpu.offload(deadline, move |_| sleep(wait.duration()))?;
    Ok(Json(wait.waited()))
}
