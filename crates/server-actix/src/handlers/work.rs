//! `GET /work?wait=&cpu_ms=&placement=`: any service's shape in one route: wait, then compute.

use std::time::{Duration, Instant};

use actix_web::web::{Data, Json};
use contract::{Deadline, Placement, Problem, Work, Worked};

use crate::app::App;
use crate::deadline::{sleep, within};
use crate::extract::Query;
use crate::reply::Error;

/// Computing inline holds this worker: no other task runs on it until the work is done.
pub(crate) async fn work(app: Data<App>, Query(work): Query<Work>) -> Result<Json<Worked>, Error> {
    sleep(work.wait.duration()).await;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let rounds = app.rounds.rounds(work.cpu);
    let result = match work.placement {
        Placement::Inline => inline(rounds, deadline)?,
        Placement::Offload => {
            within(deadline, app.offload.run(move || compute::work(rounds))).await??
        }
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
