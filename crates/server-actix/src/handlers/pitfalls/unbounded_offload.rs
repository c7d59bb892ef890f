//! DO NOT COPY: offloads without a bound; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/unbounded-offload/{seconds}`: `/offload/wait` on the runtime's own pool, as it comes.

use std::thread::sleep;

use actix_web::web::Json;
use actix_web::web::block;
use contract::{Problem, Wait, Waited};

use crate::extract::Path;
use crate::reply::Error;

/// Nobody is refused: a new thread for each call up to 512 in all workers, and behind them a queue that has no end.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
pub(crate) async fn unbounded_offload(Path(wait): Path<Wait>) -> Result<Json<Waited>, Error> {
    let call = block(move || sleep(wait.duration()));
    call.await.map_err(|_| Problem::internal())?;
    Ok(Json(wait.waited()))
}
