//! `POST /pitfalls/dropped-future/{seconds}`: two steps, and a wait between, which is right here; at `/remedies/…` the same.

use contract::pitfalls::trace;
use contract::{Problem, Wait, Waited};
use http_blocking::{Json, State};

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Path;
use crate::reply::Error;

/// A client that leaves is not noticed before the reply is written: the thread takes both steps.
pub(crate) fn dropped_future(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    transfer(&app, wait)?;
    Ok(Json(wait.waited()))
}

/// Nothing to remedy. (A kill would still come between the steps; one transaction would bear it.)
pub(crate) fn remedied(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    transfer(&app, wait)?;
    Ok(Json(wait.waited()))
}

/// Two steps that belong together.
fn transfer(app: &App, wait: Wait) -> Result<(), Problem> {
    app.store.add_note(trace("taken"), None)?;
    sleep(wait.duration());
    app.store.add_note(trace("given"), None)?;
    Ok(())
}
