//! Accepts connections, puts each under its clocks, and serves HTTP/1.1 on it with hyper: a task a connection.
//!
//! `axum::serve` has no deadline for heads and waits for ever on a client that stalls, hence a loop of our own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use contract::head::is_continue;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Method, Request, Response, Version};
use http_async::{Content, Drained, InFlight, Lent, Reply};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics::gauge;
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio::time::timeout;

use crate::app::App;
use crate::edge;
use crate::routes::routes;

/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(listener: TcpListener, app: App) -> io::Result<Drained> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = routes(&app);
    let late = gauge!("event_loop_lag_seconds");
    tokio::spawn(http_async::lag(move |lag| late.set(lag.as_secs_f64())));
    let mut backoff = Backoff::default();
    let mut accepted = VecDeque::new();
    let mut started = pin!(app.drain.started());
    loop {
        // All that wait, before any is given a task: who finds the kernel's queue full tries again a second later.
        let waiting = tokio::select! {
            biased;
            () = &mut started => break,
            waiting = unconstrained(accept(&listener, &mut accepted)) => waiting,
        };
        if let Err(error) = waiting {
            // The drain is heard within the pause, too.
            if timeout(backoff.pause(&error), &mut started).await.is_ok() {
                break;
            }
            continue;
        }
        backoff = Backoff { last: Duration::ZERO, ..backoff };
        for socket in accepted.drain(..accepted.len().min(OPENED_AT_ONCE)) {
            open(socket, &app, &router);
        }
    }
    drop(listener);
    Ok(app.drain.closed(app.limits.drain).await)
}

/// Connections that wait here for their tasks: as many again as the kernel holds.
const ACCEPTED_AT_MOST: usize = 4_096;
/// Connections that are given tasks between two looks at the kernel's queue.
const OPENED_AT_ONCE: usize = 16;

/// Accepts what waits, as far as there is room. Without any, it waits for one, or says why there is none.
async fn accept(
    listener: &tokio::net::TcpListener,
    accepted: &mut VecDeque<TcpStream>,
) -> io::Result<()> {
    poll_fn(|cx| {
        while accepted.len() < ACCEPTED_AT_MOST {
            match listener.poll_accept(cx) {
                Poll::Ready(Ok((socket, _))) => accepted.push_back(socket),
                Poll::Ready(Err(error)) if is_of_one_connection(&error) => {}
                waits_or_fails if accepted.is_empty() => return waits_or_fails.map_ok(drop),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}

/// Starts the task of one connection, if there is room for it.
fn open(socket: TcpStream, app: &App, router: &Router) {
    // Without it the end of a reply may wait for the client's delayed ACK.
    let _ = socket.set_nodelay(true);
    let Some(socket) = app.drain.admit(socket) else { return };
    let (app, router, connection) = (app.clone(), router.clone(), socket.connection());
    let mut http = http1::Builder::new();
    // hyper's own clock for heads would also end idle connections, and sends no 408.
    http.header_read_timeout(None)
        .half_close(false)
        .max_headers(app.limits.head_fields)
        .max_buf_size(app.limits.head_bytes.max(8 << 10));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if !request.body().is_end_stream() {
            // For who reads it; not for every request, since the map would cost more than all our clocks.
            request.extensions_mut().insert(connection.clone());
        }
        let in_flight = connection.head_complete(content(&request));
        answer(app.clone(), router.clone(), in_flight, request)
    });
    tokio::spawn(async move {
        // What fails here was answered, or nobody is left to tell.
        let _ = http.serve_connection(TokioIo::new(socket), service).await;
    });
}

fn content(request: &Request<Incoming>) -> Content {
    if request.body().is_end_stream() {
        return Content::NOTHING;
    }
    // Several say the same, or are refused.
    let expected = request.headers().get(EXPECT).map(HeaderValue::as_bytes);
    let expects_continue = expected.is_some_and(is_continue);
    Content::announced(request.body().size_hint().upper(), expects_continue)
}

/// Answers one request, which is in flight until hyper has the last byte of its reply.
async fn answer(
    app: App,
    router: Router,
    in_flight: Option<InFlight>,
    request: Request<Incoming>,
) -> Result<Response<Reply<Body>>, Infallible> {
    // Behind a reply that closes the connection there is no other.
    let Some(in_flight) = in_flight else { return pending().await };
    let (connection, version) = (in_flight.connection(), request.version());
    let tunnel = request.method() == Method::CONNECT;
    let (head, body) = request.into_parts();
    let mut reply = if body.is_end_stream() {
        edge::answer(&app, &router, connection, Request::from_parts(head, Body::empty())).await
    } else {
        let (body, rest) = Lent::new(body, connection.clone());
        let request = Request::from_parts(head, Body::new(body));
        let reply = edge::answer(&app, &router, connection, request).await;
        if !rest.discard_frames().await {
            connection.close_after_reply();
        }
        reply
    };
    // Where there are no chunks, only the end of the connection tells the end of a stream; and behind a CONNECT that
    // was refused nobody knows what comes.
    let endless = version < Version::HTTP_11 && reply.body().size_hint().exact().is_none();
    if endless || tunnel {
        connection.close_after_reply();
    }
    if connection.is_closing() && version < Version::HTTP_11 {
        // Which closes unless it says otherwise; to a reply in HTTP/1.1 hyper would add the `keep-alive` it was asked for.
        *reply.version_mut() = version;
        reply.headers_mut().remove(CONNECTION);
    } else if connection.is_closing() {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(reply.map(|body| Reply::new(body, in_flight)))
}

/// The client left before it was accepted; the next may be waiting.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The pause after an accept that failed: out of descriptors, a loop without it would take a whole core.
#[derive(Default)]
struct Backoff {
    last: Duration,
    told: Option<Instant>,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(5);
    const LONGEST: Duration = Duration::from_secs(1);

    /// Twice the pause before. Says why at most once a second.
    fn pause(&mut self, error: &io::Error) -> Duration {
        if self.told.is_none_or(|told| told.elapsed() >= Self::LONGEST) {
            tracing::warn!(%error, "cannot accept a connection");
            self.told = Some(Instant::now());
        }
        self.last = (self.last * 2).clamp(Self::FIRST, Self::LONGEST);
        self.last
    }
}
