//! `GET /work?wait=&cpu_ms=&placement=`: any service's shape in one route: wait, then compute.

use std::time::{Duration, Instant};

use contract::{Deadline, Placement, Problem, Work, Worked};
use http_blocking::{Json, State};

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Query;
use crate::reply::Error;

/// Computing inline holds this thread and no other: the kernel shares the cores among them.
pub(crate) fn work(
    State(app): State<App>,
    Query(work): Query<Work>,
) -> Result<Json<Worked>, Error> {
    sleep(work.wait.duration());
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let rounds = app.rounds.rounds(work.cpu);
    let result = match work.placement {
        Placement::Inline => inline(rounds, deadline)?,
        Placement::Offload => app.offload.run(deadline, move || compute::work(rounds))?,
    };
    Ok(Json(work.worked(result)))
}

/// As a handler computes on its way, which asks for no core; `/thumbnail` and `/seal` do. The deadline is looked at between two
/// steps of the work, because nothing can end it from outside.
fn inline(rounds: u64, deadline: Deadline) -> Result<u64, Problem> {
    let began = Instant::now();
    let in_time = || began.elapsed() < deadline.duration();
    compute::work_while(rounds, in_time).ok_or_else(Problem::deadline_passed)
}
