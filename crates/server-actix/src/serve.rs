//! Accepts connections, puts each under its clocks, and serves HTTP/1.1 on it with actix-http: a task a connection,
//! which stays on the worker that it was given to.
//!
//! `HttpServer` cannot wrap a socket, hence its parts: actix-server, and actix-http's service under the app.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use actix_http::{
    ConnectionType, HttpService, KeepAlive, Method, Payload, Request, RequestHead, Response,
    Version,
};
use actix_service::{
    Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config,
};
use actix_web::dev::{AppConfig, ServiceResponse};
use bytes::Bytes;
use contract::head::is_continue;
use http_async::{Clocked, Connection, Content, Drain, Drained, InFlight, Lent};
use metrics::gauge;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;

use crate::app::App;
use crate::edge;
use crate::routes::routes;

/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    workers: NonZeroUsize,
) -> io::Result<Drained> {
    let (drain, deadline) = (app.drain.clone(), app.limits.drain);
    let server = actix_server::Server::build()
        .workers(workers.get())
        .disable_signals()
        // tokio's own size for files, SQLite and names, and as many again as are offloaded: neither waits for the other.
        .worker_max_blocking_threads(512 / workers + app.offload.largest_share(workers))
        // The drain counts connections, and answers the one too many.
        .max_concurrent_connections(usize::MAX)
        .listen("http", listener, move || worker(app.for_worker(workers)))?
        .run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    drain.started().await;
    // This closes the listener at once, but looks for the last connection only once a second: the drain knows sooner.
    let stopping = actix_rt::spawn(handle.stop(true));
    let drained = drain.closed(deadline).await;
    stopping.abort();
    running.abort();
    Ok(drained)
}

/// What one worker does with the sockets that it is given.
fn worker(
    app: App,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let drain = app.drain.clone();
    let http = HttpService::build()
        // actix's own clock for heads is only for the first request of a connection.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::ZERO)
        .keep_alive(KeepAlive::Os)
        .on_connect_ext(|socket: &Clocked, data| {
            data.insert(socket.connection());
        });
    let service = fn_factory(move || {
        let app = app.clone();
        async move {
            let late = gauge!("event_loop_lag_seconds", "worker" => app.worker.to_string());
            actix_rt::spawn(http_async::lag(move |lag| late.set(lag.as_secs_f64())));
            let routes = map_config(routes(&app), |()| AppConfig::default());
            let routes = Rc::new(routes.new_service(()).await?);
            Ok::<_, ()>(fn_service(move |mut request: Request| {
                let in_flight = begin(&mut request);
                answer(app.clone(), Rc::clone(&routes), in_flight, request)
            }))
        }
    });
    fn_service(move |socket| ready(open(socket, &drain))).and_then(http.h1(service))
}

/// Starts the clocks of one connection, if there is room for it.
fn open(socket: TcpStream, drain: &Drain) -> Result<(Clocked, Option<SocketAddr>), DispatchError> {
    // Without it the end of a reply may wait for the client's delayed ACK.
    let _ = socket.set_nodelay(true);
    // The error goes nowhere: the client was answered.
    let socket = drain.admit(socket).ok_or(DispatchError::DisconnectTimeout)?;
    Ok((socket, None))
}

fn begin(request: &mut Request) -> Option<InFlight> {
    let content = content(request);
    let connection = request.conn_data::<Connection>().expect("on_connect_ext gives one");
    let in_flight = connection.head_complete(content)?;
    // actix reads on behind a request that closes. For one that asks to upgrade it would close, and not say so.
    let head = request.head();
    if head.connection_type() != ConnectionType::KeepAlive || is_tunnel(head) {
        connection.close_after_reply();
    }
    Some(in_flight)
}

/// What actix reads on behind, whatever length it says, and to which it sends no chunks.
fn is_tunnel(head: &RequestHead) -> bool {
    let is_websocket = |protocol: &HeaderValue| {
        protocol.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket")
    };
    head.method == Method::CONNECT || head.headers().get_all(UPGRADE).any(is_websocket)
}

fn content(request: &mut Request) -> Content {
    if matches!(request.payload(), Payload::None) {
        return Content::NOTHING;
    }
    let head = request.head();
    // Several say the same, or are refused.
    let expected = head.headers().get(EXPECT).map(HeaderValue::as_bytes);
    let expects_continue = expected.is_some_and(is_continue);
    let length = head.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse().ok()) {
        // Behind CONNECT and an upgrade to WebSocket actix takes all that comes for content.
        None if !head.headers().contains_key(TRANSFER_ENCODING) => Content::ENDLESS,
        length => Content::announced(length, expects_continue),
    }
}

/// Answers one request, which is in flight until actix has the last byte of its reply.
async fn answer<S, B>(
    app: App,
    routes: Rc<S>,
    in_flight: Option<InFlight>,
    mut request: Request,
) -> Result<Response<Reply<BoxBody>>, Infallible>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    // Behind a reply that closes the connection there is no other.
    let Some(in_flight) = in_flight else { return pending().await };
    let connection = in_flight.connection();
    let knows_chunks = request.version() == Version::HTTP_11 && !is_tunnel(request.head());
    let body = request.take_payload();
    let reply = if matches!(body, Payload::None) {
        edge::answer(&app, &*routes, connection, request).await
    } else {
        let (body, rest) = Lent::new(body, connection.clone());
        let (request, _) =
            request.replace_payload(Payload::Stream { payload: Box::pin(body) as _ });
        let reply = edge::answer(&app, &*routes, connection, request).await;
        if !rest.discard_chunks().await {
            connection.close_after_reply();
        }
        reply
    };
    // Where there are no chunks, only the end of the connection tells the end of a stream.
    let ends_by_closing = !knows_chunks && reply.body().size() == BodySize::Stream;
    if ends_by_closing {
        connection.close_after_reply();
    }
    let closes = connection.is_closing();
    Ok(reply.map_body(|head, body| {
        head.no_chunking(ends_by_closing);
        if closes {
            head.set_connection_type(ConnectionType::Close);
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
