//! Every path and its handlers: the table of contents of this server.

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::handlers::{
    docs, echo, file, files, github_user, github_users, healthz, metrics, offload_wait, openapi,
    page, pitfalls, plaintext, readyz, scrape, stream, wait, work,
};
use crate::reply;

/// The routes of this server.
pub(crate) fn routes(app: &App) -> Router {
    let mut router = Router::new()
        .route("/", get(page::index))
        .route("/plaintext", get(plaintext::plaintext))
        .route("/echo", post(echo::echo))
        .route("/github-users", get(github_users::github_users))
        .route("/scrape", post(scrape::scrape))
        .route("/work", get(work::work))
        .route("/files", get(files::list).post(files::upload))
        .route("/healthz", get(healthz::healthz))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::openapi))
        .route("/docs", get(docs::page))
        .route("/wait/{seconds}", get(wait::wait))
        .route("/github-user/{username}", get(github_user::github_user))
        .route("/stream/{count}", get(stream::stream))
        .route("/files/{name}", get(file::download).put(file::upload).delete(file::remove))
        .route("/offload/wait/{seconds}", get(offload_wait::offload_wait))
        .route("/page/{file}", get(page::file))
        .route("/docs/{file}", get(docs::file));
    if app.pitfalls {
        router = router
            .route("/pitfalls/blocking-wait/{seconds}", get(pitfalls::blocking_wait::blocking_wait))
            .route("/pitfalls/panic", get(pitfalls::panic::panic));
    }
    router
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .with_state(app.clone())
}
