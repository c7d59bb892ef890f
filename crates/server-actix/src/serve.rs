//! Accepts connections, puts each under its clocks, and serves HTTP/1.1 on it with actix-http: a task a connection,
//! which stays on the worker that it was given to.
//!
//! `HttpServer` cannot wrap a socket, hence its parts: actix-server, and actix-http's service under the app.

use std::future::{Future, pending, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, EitherBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{
    ConnectionType, HttpService, KeepAlive, Payload, Request, Response, Version,
};
use actix_service::{
    Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_web::dev::{AppConfig, ServiceResponse};
use bytes::Bytes;
use http_async::{Clocked, Connection, Drain, Drained, InFlight};
use pin_project_lite::pin_project;
use tokio::net::TcpStream;

use crate::app::App;
use crate::routes::routes;

/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    workers: NonZeroUsize,
) -> io::Result<Drained> {
    let (drain, limits) = (app.drain.clone(), app.limits.clone());
    let server = actix_server::Server::build()
        .workers(workers.get())
        .disable_signals()
        // The drain counts connections, and answers the one too many.
        .max_concurrent_connections(usize::MAX)
        .listen("http", listener, move || connections(app.clone()))?
        .run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    drain.started().await;
    // Closes the listener at once; the workers look for their last connection only once a second, so the drain is asked.
    let stopping = actix_rt::spawn(handle.stop(true));
    let drained = drain.closed(limits.drain).await;
    stopping.abort();
    running.abort();
    Ok(drained)
}

/// What one worker does with its connections.
fn connections(
    app: App,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let drain = app.drain.clone();
    let service = HttpService::build()
        // The clocks are ours. actix's own head clock is only for a connection's first request.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::ZERO)
        .h1_allow_half_closed(false)
        .on_connect_ext(|socket: &Clocked, data| {
            data.insert(socket.connection());
        })
        .h1(apply_fn_factory(
            map_config(routes(&app), |()| AppConfig::default()),
            |request, app| {
                let version = request.version();
                answer(version, begin(&request).map(|in_flight| (in_flight, app.call(request))))
            },
        ));
    fn_service(move |socket| ready(open(&drain, socket))).and_then(service)
}

/// Starts the clocks of one connection, if there is room for it.
fn open(drain: &Drain, socket: TcpStream) -> Result<(Clocked, Option<SocketAddr>), DispatchError> {
    // Without it the end of a reply may wait for the client's delayed ACK.
    let _ = socket.set_nodelay(true);
    let socket = drain.admit(socket).ok_or(DispatchError::DisconnectTimeout)?;
    Ok((socket, None))
}

/// The head of `request` is complete: it is in flight, unless it came behind a reply that closes the connection.
fn begin(request: &Request) -> Option<InFlight> {
    let connection =
        request.conn_data::<Connection>().expect("on_connect_ext gave one to every connection");
    let in_flight = connection.head_complete(!matches!(request.payload(), Payload::None))?;
    // An upgrade is never made; actix would close after the reply and say `connection: upgrade`.
    if request.head().connection_type() != ConnectionType::KeepAlive {
        connection.close_after_reply();
    }
    Some(in_flight)
}

/// Answers one request, which is in flight until actix has the last byte of its reply.
async fn answer<B: MessageBody>(
    version: Version,
    begun: Option<(InFlight, impl Future<Output = Result<ServiceResponse<B>, actix_web::Error>>)>,
) -> Result<Response<Reply<EitherBody<B>>>, actix_web::Error> {
    // Behind a reply that closes the connection there is no other.
    let Some((in_flight, reply)) = begun else { return pending().await };
    let reply = match reply.await {
        Ok(reply) => Response::from(reply).map_body(|_, body| EitherBody::left(body)),
        Err(error) => Response::from(error).map_body(|_, body| EitherBody::right(body)),
    };
    Ok(reply.map_body(|head, body| {
        if in_flight.connection().is_closing() {
            head.set_connection_type(ConnectionType::Close);
        }
        // HTTP/1.0 has no chunks: the end of the connection is the end of such a body.
        if version < Version::HTTP_11 && body.size() == BodySize::Stream {
            head.no_chunking(true);
        }
        Reply { body, in_flight }
    }))
}

pin_project! {
    /// A reply's body that holds its request in flight until its end.
    struct Reply<B> {
        #[pin]
        body: B,
        in_flight: InFlight,
    }
}

impl<B: MessageBody> MessageBody for Reply<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(cx)
    }
}
