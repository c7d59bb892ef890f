//! `/batches`: many images in one request, a job for each: the data-processing scenario.

use contract::jobs::{Asked, BatchForm};
use contract::{Batch, BatchId, Problem};
use http::StatusCode;
use http::header::LOCATION;
use http_blocking::{IntoResponse, Json, State};

use crate::app::App;
use crate::extract::{Path, Query};
use crate::form::Form;
use crate::reply::Error;

/// A thumbnail of each file of the form, all accepted together or none: a form that breaks off leaves none.
pub(crate) fn enqueue(
    State(app): State<App>,
    Query(asked): Query<Asked>,
    mut form: Form,
) -> Result<impl IntoResponse, Error> {
    let (mut batch, mut held) = (BatchForm::new(asked, &app.limits), app.bodies.hold());
    while let Some(mut part) = form.part()? {
        if part.file_name()?.is_none() {
            part.skip()?;
            continue;
        }
        batch.begin()?;
        while let Some(chunk) = part.chunk()? {
            held.grow(chunk.len())?;
            batch.add(chunk)?;
        }
    }
    let batch = app.store.enqueue_batch(batch.whole()?)?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, batch.location())], Json(batch)))
}

/// Where the jobs of a batch stand.
pub(crate) fn find(State(app): State<App>, Path(id): Path<BatchId>) -> Result<Json<Batch>, Error> {
    let batch = app.store.batch(id)?;
    Ok(Json(batch.ok_or_else(Problem::no_batch)?))
}
