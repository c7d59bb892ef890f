//! DO NOT COPY: offloads without a bound; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/unbounded-offload/{seconds}`: `/offload/wait` on a thread of its own, as it comes.

use std::thread::{Builder, sleep};

use contract::{Problem, Wait, Waited};
use http_blocking::Json;

use crate::extract::Path;
use crate::reply::Error;

/// Nobody is refused before the system has no thread left: a new one for each call, beside the one that waits for it.
pub(crate) fn unbounded_offload(Path(wait): Path<Wait>) -> Result<Json<Waited>, Error> {
    let call = Builder::new().spawn(move || sleep(wait.duration()));
    let call = call.map_err(|_| Problem::no_thread())?;
    call.join().map_err(|_| Problem::internal())?;
    Ok(Json(wait.waited()))
}
