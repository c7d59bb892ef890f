//! `GET /pitfalls/blocking-client/{username}`: `/github-user` with a client that blocks its thread, which is right here.

use contract::{Profile, Username};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// The same as `/github-user`: this thread is the connection's own, and blocking is what it is for.
pub(crate) fn blocking_client(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.user(&username)?))
}
