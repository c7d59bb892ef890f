//! Every path and its handlers: the table of contents of this server.

use actix_service::ServiceFactory;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, Resource, Responder};

use crate::app::App;
use crate::handlers::{
    docs, echo, file, files, github_user, github_users, healthz, metrics, offload_wait, openapi,
    page, pitfalls, plaintext, readyz, scrape, stream, wait, work,
};
use crate::reply;

/// The routes of this server.
///
/// actix-web tries them in this order, one after the other, and those with a parameter by a regular expression; so the
/// others come first.
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
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler))
}
