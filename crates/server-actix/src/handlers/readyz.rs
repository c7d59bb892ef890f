//! `GET /readyz`: whether to send requests here. No permit: a full server says so itself.

use actix_web::web::{Data, Json};
use contract::{Problem, Ready};

use crate::app::App;
use crate::reply::Error;

/// Ready until the drain begins.
pub(crate) async fn readyz(app: Data<App>) -> Result<Json<Ready>, Error> {
    if app.drain.is_draining() {
        return Err(Problem::unavailable("draining", 1).into());
    }
    app.store.ready().await?;
    Ok(Json(Ready::default()))
}
