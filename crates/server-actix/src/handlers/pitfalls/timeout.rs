//! DO NOT COPY: a timeout that does not stop the work; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/timeout/{seconds}?deadline=`: a call that does not know of its deadline; and one that does, at `/remedies/…`.

use std::thread::sleep;
use std::time::Duration;

use actix_web::web::{Data, Json};
use contract::{Deadline, Problem, Wait, Waited};
use tokio::sync::oneshot;

use crate::app::App;
use crate::deadline::within;
use crate::extract::{Path, Query};
use crate::reply::Error;

/// How long a call goes on without asking whether it is wanted.
const STEP: Duration = Duration::from_millis(20);

/// The client has its 503 in time. The thread works on for nobody, and whoever comes next waits for it.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
pub(crate) async fn timeout(
    app: Data<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    within(deadline, app.offload.run(move || sleep(wait.duration()))).await??;
    Ok(Json(wait.waited()))
}

/// The remedy: what is dropped with the future is missed by the thread, which looks between two steps.
pub(crate) async fn remedied(
    app: Data<App>,
    Path(wait): Path<Wait>,
    Query(deadline): Query<Deadline>,
) -> Result<Json<Waited>, Error> {
    let deadline = deadline.bounded(&app.limits, wait.duration());
    let call = async {
        let (client, _wants_it) = oneshot::channel::<()>();
        app.offload.run(move || in_steps(wait.duration(), || !client.is_closed())).await
    };
    within(deadline, call).await???;
    Ok(Json(wait.waited()))
}

/// Whoever stops half way says so, because its client may still be there.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
fn in_steps(mut left: Duration, go_on: impl Fn() -> bool) -> Result<(), Problem> {
    while !left.is_zero() {
        if !go_on() {
            return Err(Problem::deadline_passed());
        }
        sleep(left.min(STEP));
        left = left.saturating_sub(STEP);
    }
    Ok(())
}
