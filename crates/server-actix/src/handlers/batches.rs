//! `/batches`: many images in one request, a job for each: the data-processing scenario.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use contract::jobs::{Asked, BatchForm};
use contract::{Batch, BatchId, Problem};

use crate::app::App;
use crate::extract::{Path, Query};
use crate::form::Form;
use crate::reply::Error;

/// A thumbnail of each file of the form, all accepted together or none: a form that breaks off leaves none.
pub(crate) async fn enqueue(
    app: Data<App>,
    Query(asked): Query<Asked>,
    mut form: Form,
) -> Result<HttpResponse, Error> {
    let (mut batch, mut held) = (BatchForm::new(asked, &app.limits), app.bodies.hold());
    while let Some(mut part) = form.part().await? {
        if part.file_name()?.is_none() {
            part.skip().await?;
            continue;
        }
        batch.begin()?;
        while let Some(chunk) = part.chunk().await? {
            held.grow(chunk.len())?;
            batch.add(&chunk)?;
        }
    }
    let batch = app.store.enqueue_batch(batch.whole()?).await?;
    Ok(HttpResponse::Accepted().insert_header((LOCATION, batch.location())).json(batch))
}

/// Where the jobs of a batch stand.
pub(crate) async fn find(app: Data<App>, Path(id): Path<BatchId>) -> Result<Json<Batch>, Error> {
    let batch = app.store.batch(id).await?;
    Ok(Json(batch.ok_or_else(Problem::no_batch)?))
}
