//! DO NOT COPY: makes a client for each request; see `docs/src/pitfalls.md`.
//!
//! `GET /pitfalls/client-per-request/{username}`: `/github-user`, as the article's `async with httpx.AsyncClient()` asks.

use actix_web::web::{Data, Json};
use contract::{Profile, Username};

use crate::app::App;
use crate::extract::Path;
use crate::reply::Error;

/// The client reads its certificates, connects, asks once, and goes, and its connection with it.
pub(crate) async fn client_per_request(
    app: Data<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.apart().user(&username).await?))
}
