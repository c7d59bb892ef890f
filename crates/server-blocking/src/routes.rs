//! Every path and its handlers: the table of contents of this server.

use http_blocking::{Router, get, post, put};

use crate::app::App;
use crate::handlers::{
    batches, docs, echo, file, files, github_user, github_users, healthz, jobs, metrics, note,
    notes, offload_wait, open, openapi, page, pitfalls, plaintext, readyz, rooms, scrape, seal,
    slow_query, stream, thumbnail, wait, work,
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
        .route("/thumbnail", post(thumbnail::thumbnail))
        .route("/seal", post(seal::seal))
        .route("/open", post(open::open))
        .route("/notes", get(notes::list).post(notes::add))
        .route("/jobs", get(jobs::list))
        .route("/batches", post(batches::enqueue))
        .route("/healthz", get(healthz::healthz))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::openapi))
        .route("/docs", get(docs::page))
        .route("/wait/{seconds}", get(wait::wait))
        .route("/github-user/{username}", get(github_user::github_user))
        .route("/stream/{count}", get(stream::stream))
        .route("/files/{name}", get(file::download).put(file::upload).delete(file::remove))
        .route("/notes/{id}", get(note::find).put(note::rewrite).delete(note::remove))
        .route("/slow-query/{seconds}", get(slow_query::slow_query))
        // `POST /jobs/{kind}`: a path has one name for its segment.
        .route("/jobs/{id}", get(jobs::find).post(jobs::enqueue).delete(jobs::cancel))
        .route("/rooms/{room}/messages", post(rooms::say))
        .route("/rooms/{room}/events", get(rooms::events))
        .route("/jobs/{id}/result", get(jobs::result))
        .route("/batches/{id}", get(batches::find))
        .route("/offload/wait/{seconds}", get(offload_wait::offload_wait))
        .route("/page/{file}", get(page::file))
        .route("/docs/{file}", get(docs::file));
    if app.pitfalls {
        router = router
            .route("/pitfalls/blocking-wait/{seconds}", get(pitfalls::blocking_wait::blocking_wait))
            .route(
                "/pitfalls/blocking-client/{username}",
                get(pitfalls::blocking_client::blocking_client),
            )
            .route(
                "/pitfalls/client-per-request/{username}",
                get(pitfalls::client_per_request::client_per_request),
            )
            .route(
                "/pitfalls/unbounded-offload/{seconds}",
                get(pitfalls::unbounded_offload::unbounded_offload),
            )
            .route("/pitfalls/small-pool/{seconds}", get(pitfalls::small_pool::small_pool))
            .route(
                "/pitfalls/lock-across-await/{seconds}",
                get(pitfalls::lock_across_await::lock_across_await),
            )
            .route(
                "/remedies/lock-across-await/{seconds}",
                get(pitfalls::lock_across_await::remedied),
            )
            .route(
                "/pitfalls/stream-blocked/{count}",
                get(pitfalls::stream_blocked::stream_blocked),
            )
            .route("/pitfalls/background/{seconds}", post(pitfalls::background::background))
            .route("/pitfalls/lost-error", get(pitfalls::lost_error::lost_error))
            .route("/remedies/lost-error", get(pitfalls::lost_error::remedied))
            .route(
                "/pitfalls/dropped-future/{seconds}",
                post(pitfalls::dropped_future::dropped_future),
            )
            .route("/remedies/dropped-future/{seconds}", post(pitfalls::dropped_future::remedied))
            .route(
                "/pitfalls/buffered-upload/{name}",
                put(pitfalls::buffered_upload::buffered_upload),
            )
            .route("/pitfalls/timeout/{seconds}", get(pitfalls::timeout::timeout))
            .route("/remedies/timeout/{seconds}", get(pitfalls::timeout::remedied))
            .route("/pitfalls/failure", get(pitfalls::failure::failure))
            .route("/pitfalls/panic", get(pitfalls::panic::panic));
    }
    router
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .with_state(app.clone())
}
