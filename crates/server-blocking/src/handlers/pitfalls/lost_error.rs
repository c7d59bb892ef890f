//! DO NOT COPY: forgets a thread, and with it its error; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/lost-error`: a thread that fails, and nobody waits for; and one that is waited for, at `/remedies/…`.

use std::thread::Builder;

use contract::pitfalls::on_purpose;
use contract::{Health, Problem};
use http_blocking::Json;

use crate::reply::Error;

/// The client is told that all is well, and the log nothing: the error goes where the thread's handle went.
pub(crate) fn lost_error() -> Result<Json<Health>, Error> {
    Builder::new().spawn(fails).map_err(|_| Problem::no_thread())?;
    Ok(Json(Health::default()))
}

/// The remedy: whoever starts a thread waits for its end, and takes its error for its own.
pub(crate) fn remedied() -> Result<Json<Health>, Error> {
    let thread = Builder::new().spawn(fails).map_err(|_| Problem::no_thread())?;
    thread.join().map_err(|_| Problem::internal())??;
    Ok(Json(Health::default()))
}

fn fails() -> Result<(), Problem> {
    Err(on_purpose())
}
