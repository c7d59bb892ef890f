//! `GET /slow-query/{seconds}`: a wait inside the database, which holds one of its connections.

use axum::Json;
use axum::extract::State;
use contract::{Wait, Waited};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// This task waits, which costs nothing; the connection waits too, and the size of the pool is the limit all the same.
pub(crate) async fn slow_query(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    app.store.wait(wait.duration()).await?;
    Ok(Json(wait.waited()))
}
