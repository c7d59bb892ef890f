//! `GET /work?wait=&cpu_ms=&placement=`: any service's shape in one route: wait, then compute.

use contract::{Deadline, Placement, Work, Worked};
use http_blocking::Json;
use http_blocking::State;
use std::thread::sleep;

use crate::app::App;
use crate::extract::Query;
use crate::reply::Error;

/// Computing inline holds this thread and no other: the kernel shares the cores among them.
pub(crate) fn work(
    State(app): State<App>,
    Query(work): Query<Work>,
) -> Result<Json<Worked>, Error> {
    sleep(work.wait.duration());
    let deadline = Deadline::default();
    let rounds = app.rounds.rounds(work.cpu);
    let result = match work.placement {
        Placement::Inline => compute::work(rounds),
        Placement::Offload => app.offload.run(deadline, move || compute::work(rounds))?,
    };
    Ok(Json(work.worked(result)))
}
