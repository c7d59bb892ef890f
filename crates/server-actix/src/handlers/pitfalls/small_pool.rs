//! DO NOT COPY: waits on the pool for computing; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/small-pool/{seconds}`: `/offload/wait` on a pool that has as many threads as there are cores.

use std::thread::sleep;

use actix_web::web::{Data, Json};
use contract::{Deadline, Wait, Waited};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// So many threads are right for what computes. What waits leaves the cores idle, and whoever would compute waits too.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
pub(crate) async fn small_pool(
    app: Data<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    let deadline = Deadline::default().bounded(&app.limits, wait.duration());
    app.cpu.offload(deadline, move |_| sleep(wait.duration())).await?;
    Ok(Json(wait.waited()))
}
