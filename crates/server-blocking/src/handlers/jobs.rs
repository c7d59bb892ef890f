//! `/jobs`: work that is accepted now, done by a worker in another process, and asked for later.

use contract::jobs::{Asked, JobHead, Kind};
use contract::{Job, JobId, Jobs, JobsPage, Media, NewJob, Order, Problem};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use http_blocking::{IntoResponse, Json, State};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path, Query};
use crate::reply::Error;

/// Kept, with its input, before it is answered: whatever is killed then, the job ends once.
pub(crate) fn enqueue(
    State(app): State<App>,
    Path(kind): Path<Kind>,
    Query(asked): Query<Asked>,
    Head(head): Head<JobHead>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let order = Order::new(kind, asked, head.passphrase)?;
    let body = body.whole()?;
    let job = NewJob { order, input: body.bytes.into() };
    let job = app.store.enqueue(job, head.key)?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, job.location())], Json(job)))
}

/// A page of jobs.
pub(crate) fn list(
    State(app): State<App>,
    Query(asked): Query<JobsPage>,
) -> Result<Json<Jobs>, Error> {
    Ok(Json(app.store.jobs(asked)?))
}

/// Where a job stands.
pub(crate) fn find(State(app): State<App>, Path(id): Path<JobId>) -> Result<Json<Job>, Error> {
    let job = app.store.job(id)?;
    Ok(Json(job.ok_or_else(Problem::no_job)?))
}

/// What a job left behind.
pub(crate) fn result(
    State(app): State<App>,
    Path(id): Path<JobId>,
) -> Result<impl IntoResponse, Error> {
    let result = app.store.job_result(id)?.ok_or_else(Problem::no_job)?;
    Ok(([(CONTENT_TYPE, result.media_type)], result.bytes))
}

/// A job that runs is told at its worker's next heartbeat, and whatever it finishes until then is not taken.
pub(crate) fn cancel(State(app): State<App>, Path(id): Path<JobId>) -> Result<Json<Job>, Error> {
    let job = app.store.cancel_job(id)?.ok_or_else(Problem::no_job)?;
    Ok(Json(job.cancelled()?))
}
