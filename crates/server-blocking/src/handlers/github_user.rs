//! `GET /github-user/{username}`: ask the upstream, pass on what it says.

use contract::{Profile, Username};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// Waits for the upstream on this connection's own thread, which does nothing else meanwhile.
pub(crate) fn github_user(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.user(&username)?))
}
