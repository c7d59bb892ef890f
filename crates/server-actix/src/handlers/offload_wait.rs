//! `GET /offload/wait/{seconds}`: a blocking sleep on the offload pool, which is what such a pool is for.

use std::thread::sleep;

use actix_web::web::{Data, Json};
use contract::{Deadline, Wait, Waited};

use crate::app::App;
use crate::deadline::within;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// Holds a thread of the pool for the whole wait; a deadline gives up the answer, not the thread.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
pub(crate) async fn offload_wait(
    app: Data<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    let call = app.offload.run(move || sleep(wait.duration()));
    within(deadline, call).await??;
    Ok(Json(wait.waited()))
}
