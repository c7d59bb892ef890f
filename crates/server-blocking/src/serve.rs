//! Accepts connections and serves HTTP/1.1 on them: a thread each, or as `--threads` says.

use std::io;
use std::net::TcpListener;

use http_blocking::{Drained, Limits, Request, Response, Server, Service, Threads};

use crate::app::App;
use crate::edge;
use crate::routes::routes;

/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) fn serve(listener: TcpListener, app: App, threads: Threads) -> io::Result<Drained> {
    let (limits, drain, beside) = (limits(&app), app.drain.clone(), app.beside);
    let service = Requests { router: routes(&app), app };
    let server = Server::new(listener).limits(limits).threads(threads).beside(beside);
    server.fields(&edge::ALWAYS).serve(service, &drain)
}

/// What a connection's thread does with its requests.
struct Requests {
    app: App,
    router: http_blocking::Router,
}

impl Service for Requests {
    fn call(&self, request: Request) -> Response {
        edge::answer(&self.app, &self.router, request)
    }
}

fn limits(app: &App) -> Limits {
    let limits = &app.limits;
    Limits {
        head_bytes: limits.head_bytes,
        head_fields: limits.head_fields,
        head_line: limits.head_line,
        head_deadline: limits.head_deadline,
        idle: limits.idle,
        body_idle: limits.body_idle,
        body_rate: limits.body_rate,
        body_grace: limits.body_idle,
        write_stall: limits.write_stall,
        drain: limits.drain,
        connections: limits.connections,
        ..Limits::default()
    }
}
