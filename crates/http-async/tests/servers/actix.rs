//! actix-http on two workers, as in server-actix.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use actix_http::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{ConnectionType, HttpService, KeepAlive, Payload, Request, Response, StatusCode};
use actix_service::{ServiceFactoryExt, fn_service};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_async::{BodyError, Clocked, Connection, Content, Drain, Drained, InFlight, Lent, Paced};
use tokio::net::TcpStream;

use super::{CHUNK, PACE, pause};

pub(crate) fn start(listener: TcpListener, drain: Drain, deadline: Duration) -> Receiver<Drained> {
    let (tell, drained) = channel();
    thread::spawn(move || {
        actix_rt::System::new().block_on(async {
            let on_workers = drain.clone();
            let server = actix_server::Server::build()
                .workers(2)
                .disable_signals()
                .max_concurrent_connections(usize::MAX)
                .listen("http", listener, move || {
                    let drain = on_workers.clone();
                    fn_service(move |socket: TcpStream| {
                        let socket = drain.admit(socket).ok_or(DispatchError::DisconnectTimeout);
                        ready(socket.map(|socket| (socket, None)))
                    })
                    .and_then(
                        HttpService::build()
                            .keep_alive(KeepAlive::Os)
                            .client_request_timeout(Duration::ZERO)
                            .client_disconnect_timeout(Duration::ZERO)
                            .on_connect_ext(|socket: &Clocked, data| {
                                data.insert(socket.connection());
                            })
                            .h1(fn_service(|mut request: Request| {
                                answer(begin(&mut request), request)
                            })),
                    )
                })
                .unwrap()
                .run();
            let handle = server.handle();
            let running = actix_rt::spawn(server);
            drain.started().await;
            let stopping = actix_rt::spawn(handle.stop(true));
            let _ = tell.send(drain.closed(deadline).await);
            stopping.abort();
            running.abort();
        });
    });
    drained
}

fn begin(request: &mut Request) -> Option<InFlight> {
    let content = if matches!(request.payload(), Payload::None) {
        Content::NOTHING
    } else {
        let length = request.head().headers().get("content-length");
        let length = length.map(|length| length.to_str().unwrap().parse().unwrap());
        Content::announced(length, request.head().expect())
    };
    let connection = request.conn_data::<Connection>().unwrap();
    let in_flight = connection.head_complete(content)?;
    if request.head().connection_type() != ConnectionType::KeepAlive {
        connection.close_after_reply();
    }
    Some(in_flight)
}

async fn answer(
    in_flight: Option<InFlight>,
    mut request: Request,
) -> Result<Response<Reply>, Infallible> {
    let Some(in_flight) = in_flight else { return pending().await };
    let connection = in_flight.connection().clone();
    let text = |status, text: String| Response::with_body(status, BoxBody::new(text));
    let (body, rest) = Lent::new(request.take_payload(), connection.clone());
    let mut reply = match request.path() {
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            text(StatusCode::OK, "slow".to_owned())
        }
        "/never" => pending().await,
        "/halves" => {
            let halves = stream::iter(["one ", "two"]).then(|half| async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok::<_, Infallible>(Bytes::from_static(half.as_bytes()))
            });
            Response::with_body(StatusCode::OK, BoxBody::new(BodyStream::new(Box::pin(halves))))
        }
        "/large" => Response::with_body(StatusCode::OK, BoxBody::new(Endless)),
        path @ ("/echo" | "/echo-slowly") => {
            let body = Paced::new(body, connection.clone(), PACE);
            let read = body.try_fold(0, |read, chunk| ready(Ok(read + chunk.len()))).await;
            match read {
                Ok(read) => text(StatusCode::OK, format!("len={read}")),
                Err(error @ BodyError::Slow(_)) => {
                    text(StatusCode::REQUEST_TIMEOUT, error.to_string())
                }
                Err(error) => {
                    pause(path).await;
                    text(StatusCode::BAD_REQUEST, error.to_string())
                }
            }
        }
        _ => {
            drop(body);
            text(StatusCode::OK, "hello".to_owned())
        }
    };
    if connection.drain().wants_close() || !rest.discard_chunks().await {
        connection.close_after_reply();
    }
    if connection.is_closing() {
        reply.head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(reply.map_body(|_, body| Reply { body, _in_flight: in_flight }))
}

struct Reply {
    body: BoxBody,
    _in_flight: InFlight,
}

impl MessageBody for Reply {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

struct Endless;

impl MessageBody for Endless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(Some(Ok(Bytes::from_static(CHUNK))))
    }
}
