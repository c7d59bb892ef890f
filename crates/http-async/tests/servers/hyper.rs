//! hyper on a runtime of several threads, as in server-axum.

use std::convert::Infallible;
use std::future::pending;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_async::{BodyError, Connection, Content, Drain, Drained, InFlight, Lent, Paced, Reply};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{CHUNK, PACE, pause};

pub(crate) fn start(listener: TcpListener, drain: Drain, deadline: Duration) -> Receiver<Drained> {
    let (tell, drained) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                tokio::select! {
                    () = drain.started() => break,
                    accepted = listener.accept() => open(accepted.unwrap().0, &drain),
                }
            }
            drop(listener);
            let _ = tell.send(drain.closed(deadline).await);
        });
        runtime.shutdown_background();
    });
    drained
}

fn open(socket: TcpStream, drain: &Drain) {
    let Some(socket) = drain.admit(socket) else { return };
    let connection = socket.connection();
    let service = service_fn(move |request: Request<Incoming>| {
        let content = if request.body().is_end_stream() {
            Content::NOTHING
        } else {
            let expects_continue = request.headers().contains_key(EXPECT);
            Content::announced(request.body().size_hint().upper(), expects_continue)
        };
        let in_flight = connection.head_complete(content);
        answer(connection.clone(), in_flight, request)
    });
    tokio::spawn(async move {
        let mut http = http1::Builder::new();
        http.header_read_timeout(None).half_close(false).max_headers(96).max_buf_size(64 << 10);
        let _ = http.serve_connection(TokioIo::new(socket), service).await;
    });
}

async fn answer(
    connection: Connection,
    in_flight: Option<InFlight>,
    request: Request<Incoming>,
) -> Result<Response<Reply<UnsyncBoxBody<Bytes, Infallible>>>, Infallible> {
    let Some(in_flight) = in_flight else { return pending().await };
    let text = |text: String| Full::from(text).boxed_unsync();
    let path = request.uri().path().to_owned();
    let (body, rest) = Lent::new(request.into_body(), connection.clone());
    let mut reply = match path.as_str() {
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Response::new(text("slow".to_owned()))
        }
        "/never" => pending().await,
        "/halves" => {
            let halves = stream::iter(["one ", "two"]).then(|half| async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(Frame::data(Bytes::from_static(half.as_bytes())))
            });
            Response::new(StreamBody::new(halves).boxed_unsync())
        }
        "/large" => Response::new(Endless.boxed_unsync()),
        "/echo" | "/echo-slowly" => {
            match Paced::new(body, connection.clone(), PACE).collect().await {
                Ok(body) => Response::new(text(format!("len={}", body.to_bytes().len()))),
                Err(error) => {
                    pause(&path).await;
                    let mut reply = Response::new(text(format!("{error}")));
                    *reply.status_mut() = match error {
                        BodyError::Slow(_) => StatusCode::REQUEST_TIMEOUT,
                        BodyError::Broken(_) => StatusCode::BAD_REQUEST,
                    };
                    reply
                }
            }
        }
        _ => {
            drop(body);
            Response::new(text("hello".to_owned()))
        }
    };
    if connection.drain().wants_close() || !rest.discard_frames().await {
        connection.close_after_reply();
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(reply.map(|body| Reply::new(body, in_flight)))
}

struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }
}
