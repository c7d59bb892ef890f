//! DO NOT COPY: forgets a task, and with it its error; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/lost-error`: a task that fails, and nobody waits for; and one that is waited for, at `/remedies/…`.

use actix_rt::spawn;
use actix_web::web::Json;
use contract::pitfalls::on_purpose;
use contract::{Health, Problem};
use tokio::task::yield_now;

use crate::reply::Error;

/// The client is told that all is well, and the log nothing: the error goes where the task's handle went.
pub(crate) async fn lost_error() -> Result<Json<Health>, Error> {
    spawn(fails());
    Ok(Json(Health::default()))
}

/// The remedy: whoever starts a task waits for its end, and takes its error for its own.
pub(crate) async fn remedied() -> Result<Json<Health>, Error> {
    spawn(fails()).await.map_err(|_| Problem::internal())??;
    Ok(Json(Health::default()))
}

async fn fails() -> Result<(), Problem> {
    yield_now().await;
    Err(on_purpose())
}
