//! Every path and its handlers: the table of contents of this server.

use actix_service::ServiceFactory;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::fn_guard;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, Resource, Responder};

use crate::app::App;
use crate::handlers::{
    batches, docs, echo, file, files, github_user, github_users, healthz, jobs, metrics, note,
    notes, offload_wait, open, openapi, page, pitfalls, plaintext, readyz, rooms, scrape, seal,
    slow_query, stream, thumbnail, wait, work,
};
use crate::reply;

/// The routes of this server.
///
/// actix-web tries them in this order, one after the other, and those with a parameter by a regular expression: a choice,
/// and in the figures. `/plaintext`, by which we are compared with other servers, is tried early, as it would be in an app
/// of few routes; what has a parameter comes last.
pub(crate) fn routes(
    app: &App,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let served = app.clone();
    actix_web::App::new()
        .app_data(Data::new(app.clone()))
        .service(get("/", page::index))
        .service(get("/plaintext", plaintext::plaintext))
        .service(post("/echo", echo::echo))
        .service(get("/github-users", github_users::github_users))
        .service(post("/scrape", scrape::scrape))
        .service(get("/work", work::work))
        .service(get("/files", files::list).route(web::post().to(files::upload)))
        .service(post("/thumbnail", thumbnail::thumbnail))
        .service(post("/seal", seal::seal))
        .service(post("/open", open::open))
        .service(get("/notes", notes::list).route(web::post().to(notes::add)))
        .service(get("/jobs", jobs::list))
        .service(post("/batches", batches::enqueue))
        .service(get("/healthz", healthz::healthz))
        .service(get("/readyz", readyz::readyz))
        .service(get("/metrics", metrics::metrics))
        .service(get("/openapi.json", openapi::openapi))
        .service(get("/docs", docs::page))
        .service(get("/wait/{seconds}", wait::wait))
        .service(get("/github-user/{username}", github_user::github_user))
        .service(get("/stream/{count}", stream::stream))
        .service(
            get("/files/{name}", file::download)
                .route(web::put().to(file::upload))
                .route(web::delete().to(file::remove)),
        )
        .service(
            get("/notes/{id}", note::find)
                .route(web::put().to(note::rewrite))
                .route(web::delete().to(note::remove)),
        )
        .service(get("/slow-query/{seconds}", slow_query::slow_query))
        .service(
            get("/jobs/{id}", jobs::find)
                .route(web::post().to(jobs::enqueue))
                .route(web::delete().to(jobs::cancel)),
        )
        .service(post("/rooms/{room}/messages", rooms::say))
        .service(get("/rooms/{room}/events", rooms::events))
        .service(get("/jobs/{id}/result", jobs::result))
        .service(get("/batches/{id}", batches::find))
        .service(get("/offload/wait/{seconds}", offload_wait::offload_wait))
        .service(get("/page/{file}", page::file))
        .service(get("/docs/{file}", docs::file))
        .configure(move |routes| pitfalls(&served, routes))
        .default_service(web::to(reply::not_found))
}

fn pitfalls(app: &App, routes: &mut ServiceConfig) {
    if app.pitfalls {
        routes
            .service(get(
                "/pitfalls/blocking-wait/{seconds}",
                pitfalls::blocking_wait::blocking_wait,
            ))
            .service(get(
                "/pitfalls/blocking-client/{username}",
                pitfalls::blocking_client::blocking_client,
            ))
            .service(get(
                "/pitfalls/client-per-request/{username}",
                pitfalls::client_per_request::client_per_request,
            ))
            .service(get(
                "/pitfalls/unbounded-offload/{seconds}",
                pitfalls::unbounded_offload::unbounded_offload,
            ))
            .service(get("/pitfalls/small-pool/{seconds}", pitfalls::small_pool::small_pool))
            .service(get(
                "/pitfalls/lock-across-await/{seconds}",
                pitfalls::lock_across_await::lock_across_await,
            ))
            .service(get(
                "/remedies/lock-across-await/{seconds}",
                pitfalls::lock_across_await::remedied,
            ))
            .service(get(
                "/pitfalls/stream-blocked/{count}",
                pitfalls::stream_blocked::stream_blocked,
            ))
            .service(post("/pitfalls/background/{seconds}", pitfalls::background::background))
            .service(get("/pitfalls/lost-error", pitfalls::lost_error::lost_error))
            .service(get("/remedies/lost-error", pitfalls::lost_error::remedied))
            .service(post(
                "/pitfalls/dropped-future/{seconds}",
                pitfalls::dropped_future::dropped_future,
            ))
            .service(post("/remedies/dropped-future/{seconds}", pitfalls::dropped_future::remedied))
            .service(
                resource("/pitfalls/buffered-upload/{name}")
                    .route(web::put().to(pitfalls::buffered_upload::buffered_upload)),
            )
            .service(get("/pitfalls/timeout/{seconds}", pitfalls::timeout::timeout))
            .service(get("/remedies/timeout/{seconds}", pitfalls::timeout::remedied))
            .service(get("/pitfalls/failure", pitfalls::failure::failure))
            .service(get("/pitfalls/panic", pitfalls::panic::panic));
    }
}

/// GET answers HEAD too, which actix-web leaves to its users.
fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(path).route(web::post().to(handler))
}

/// actix-web looks for a path with what is percent-encoded in it decoded: `/%77ait/0` would be `/wait/0`, which it is to no
/// other of the three. What is no parameter has to stand there as it is written.
fn resource(path: &str) -> Resource {
    let pattern = path.to_owned();
    web::resource(path).guard(fn_guard(move |guard| {
        let path = guard.head().uri.path();
        let is_spelt = || {
            let mut segments = pattern.split('/').zip(path.split('/'));
            segments.all(|(pattern, segment)| pattern.starts_with('{') || pattern == segment)
        };
        !path.contains('%') || is_spelt()
    }))
}
