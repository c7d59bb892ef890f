//! DO NOT COPY: holds a lock while it waits; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/lock-across-await/{seconds}`: `/wait` with a lock held; and without, at `/remedies/…`.

use std::sync::{Mutex, PoisonError};

use contract::{Wait, Waited};
use http_blocking::Json;

use crate::deadline::sleep;
use crate::extract::Path;

/// What all requests share: how many there were.
static ASKED: Mutex<u64> = Mutex::new(0);

/// Whoever comes next waits its turn, each on its thread, so many that wait wait in turn. No await is needed for that.
pub(crate) fn lock_across_await(Path(wait): Path<Wait>) -> Json<Waited> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    *asked += 1;
    sleep(wait.duration());
    Json(wait.waited())
}

/// The remedy: the lock is let go at the end of the statement that needs it.
pub(crate) fn remedied(Path(wait): Path<Wait>) -> Json<Waited> {
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    sleep(wait.duration());
    Json(wait.waited())
}
