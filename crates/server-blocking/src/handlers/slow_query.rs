//! `GET /slow-query/{seconds}`: a wait inside the database, which holds one of its connections.

use contract::{Wait, Waited};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// This thread waits, the connection waits, and the pool has one connection less: its size is the limit.
pub(crate) fn slow_query(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    app.store.wait(wait.duration())?;
    Ok(Json(wait.waited()))
}
