//! DO NOT COPY: work that ends where its client leaves; see `docs/src/pitfalls.md`.
//!
//! `POST /pitfalls/dropped-future/{seconds}`: two steps, and a wait between; and the same at `/remedies/…`, in a task.

use actix_rt::spawn;
use actix_web::web::{Data, Json};
use contract::pitfalls::trace;
use contract::{Problem, Wait, Waited};

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Path;
use crate::reply::Error;

/// A client that leaves drops this future where it awaits: what was taken is never given.
pub(crate) async fn dropped_future(
    app: Data<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    transfer(app, wait).await?;
    Ok(Json(wait.waited()))
}

/// The remedy: a task of its own goes on, whoever waits for it. (A kill would still end it; one transaction would not.)
pub(crate) async fn remedied(
    app: Data<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    spawn(transfer(app, wait)).await.map_err(|_| Problem::internal())??;
    Ok(Json(wait.waited()))
}

/// Two steps that belong together.
async fn transfer(app: Data<App>, wait: Wait) -> Result<(), Problem> {
    app.store.add_note(trace("taken"), None).await?;
    sleep(wait.duration()).await;
    app.store.add_note(trace("given"), None).await?;
    Ok(())
}
