//! `GET /github-user/{username}`: ask the upstream, pass on what it says.

use actix_web::web::{Data, Json};
use contract::{Profile, Username};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// Awaits the upstream in a task: this worker's one thread goes on with other tasks meanwhile.
pub(crate) async fn github_user(
    app: Data<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.user(&username).await?))
}
