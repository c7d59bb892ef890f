//! `GET /work?wait=&cpu_ms=&placement=`: any service's shape in one route: wait, then compute.

use actix_web::rt::time::sleep;
use actix_web::web::Data;
use actix_web::web::Json;
use contract::{Placement, Work, Worked};

use crate::app::App;
use crate::extract::Query;
use crate::reply::Error;

/// Computing inline holds this worker: no other task runs on it until the work is done.
pub(crate) async fn work(app: Data<App>, Query(work): Query<Work>) -> Result<Json<Worked>, Error> {
    sleep(work.wait.duration()).await;
    let rounds = app.rounds.rounds(work.cpu);
    let result = match work.placement {
        Placement::Inline => compute::work(rounds),
        Placement::Offload => app.offload.run(move || compute::work(rounds)).await?,
    };
    Ok(Json(work.worked(result)))
}
