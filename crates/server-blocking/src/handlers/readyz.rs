//! `GET /readyz`: whether to send requests here. No permit: a full server says so itself.

use contract::{Problem, Ready};
use http_blocking::{Json, State};

use crate::app::App;
use crate::reply::Error;

/// Ready until the drain begins.
pub(crate) fn readyz(State(app): State<App>) -> Result<Json<Ready>, Error> {
    if app.drain.is_draining() {
        return Err(Problem::unavailable("draining", 1).into());
    }
    app.store.ready()?;
    Ok(Json(Ready::default()))
}
