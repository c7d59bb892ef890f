//! DO NOT COPY: holds a lock across an await; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/lock-across-await/{seconds}`: `/wait` with a lock held; and without, at `/remedies/…`.

use actix_web::web::Json;
use contract::{Wait, Waited};
use tokio::sync::Mutex;

use crate::deadline::sleep;
use crate::extract::Path;

/// What all requests share: how many there were.
static ASKED: Mutex<u64> = Mutex::const_new(0);

/// Whoever comes next waits its turn, so many that wait wait in turn, whatever the number of workers.
///
/// std's guard could be held here, since a task need not be `Send`: then the second request would block this worker's
/// only thread, the first could never go on to let go, and both would stand for ever.
pub(crate) async fn lock_across_await(Path(wait): Path<Wait>) -> Json<Waited> {
    let mut asked = ASKED.lock().await;
    *asked += 1;
    sleep(wait.duration()).await;
    Json(wait.waited())
}

/// The remedy: the lock is let go at the end of the statement that needs it.
pub(crate) async fn remedied(Path(wait): Path<Wait>) -> Json<Waited> {
    *ASKED.lock().await += 1;
    sleep(wait.duration()).await;
    Json(wait.waited())
}
