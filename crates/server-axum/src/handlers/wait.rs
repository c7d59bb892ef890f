//! `GET /wait/{seconds}`: hold the request, then answer.

use axum::Json;
use contract::{Deadline, Wait, Waited};

use crate::deadline::{sleep, within};
use crate::extract::{Path, Query};
use crate::reply::Error;

/// Waits in a task: its thread goes on with other tasks meanwhile.
pub(crate) async fn wait(
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    within(deadline, sleep(wait.duration())).await?;
    Ok(Json(wait.waited()))
}
