//! DO NOT COPY: a thread in the background is no queue; see `docs/src/pitfalls.md`.
//!
//! `POST /pitfalls/background/{seconds}`: says 202, and then does it in a thread of this process.

use std::thread::Builder;

use contract::pitfalls::trace;
use contract::{Problem, Promised, Wait};
use http::StatusCode;
use http_blocking::{IntoResponse, Json, State};

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Path;
use crate::reply::Error;

/// Nobody holds the thread: a kill loses it, a drain does not wait for it, and what becomes of it is told to nobody.
pub(crate) fn background(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<impl IntoResponse, Error> {
    let begun = Builder::new().spawn(move || {
        sleep(wait.duration());
        app.store.add_note(trace("done in the background"), None)
    });
    begun.map_err(|_| Problem::no_thread())?;
    Ok((StatusCode::ACCEPTED, Json(Promised::after(wait))))
}
