//! DO NOT COPY: blocks the worker; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/blocking-client/{username}`: `/github-user` with a client that blocks its thread.

use actix_web::web::{Data, Json};
use contract::{Problem, Profile, Username};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// A good client, in the wrong place: until the upstream has answered, no other task runs on this worker.
pub(crate) async fn blocking_client(
    app: Data<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    let library = app.blocking_library.as_ref().ok_or_else(Problem::not_found)?;
    Ok(Json(library.user(&username)?))
}
