//! A fourth server, as small as it can be with what is here: `contract` reads and words, `http-blocking` accepts and drains.
//!
//! `cargo run --release -p http-blocking --example fourth -- 127.0.0.1:9000`

use std::thread;

use contract::{Limits, PathParam, Problem, Wait};
use http_blocking::header::{CONTENT_TYPE, HeaderValue};
use http_blocking::{
    IntoResponse, Json, Payload, Request, Response, Router, Server, Shutdown, drain_on_signal, get,
    listen,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = listen(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0"))?;
    let routes = Router::new()
        .route("/plaintext", get(|| "Hello, World!"))
        .route("/wait/{seconds}", get(wait));
    // One promise: told to end, it finishes what it has begun, and ends.
    let shutdown = Shutdown::new()?;
    drain_on_signal(shutdown.clone())?;
    // The other: whoever started it reads where it is, and may send a signal next.
    println!("listening on http://{}", listener.local_addr()?);
    Server::new(listener).serve(routes, &shutdown)?;
    Ok(())
}

/// Whatever a fourth way of waiting may be, it goes into this line: `thread::sleep`.
fn wait(request: Request) -> Response {
    let path = request.uri().path();
    match Wait::from_path(path, &Limits::default()) {
        Ok(wait) => {
            thread::sleep(wait.duration());
            Json(wait.waited()).into_response()
        }
        Err(problem) => refused(problem.at(path)),
    }
}

fn refused(problem: Problem) -> Response {
    let mut reply = Payload::from(problem.to_json()).into_response();
    *reply.status_mut() = problem.status();
    let json = HeaderValue::from_static("application/problem+json");
    reply.headers_mut().insert(CONTENT_TYPE, json);
    reply
}
