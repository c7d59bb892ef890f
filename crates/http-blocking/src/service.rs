//! What a server calls with each request. A [`Router`](crate::Router) is one; a server may wrap it in its own.

use std::any::Any;

use http::StatusCode;

use crate::{Body, IntoResponse, Payload};

/// A request whose head was accepted.
pub type Request = http::Request<Body>;

/// What a handler answers. The server adds `content-length` or `transfer-encoding`, `connection` and `date`.
pub type Response = http::Response<Payload>;

/// Answers requests, on the connection's own thread.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. It may block: that costs this thread and nothing else.
    fn call(&self, request: Request) -> Response;

    /// The answer when [`call`](Self::call) panicked. It runs on the thread that panicked, after the unwinding, so
    /// what `call` left in a thread-local variable is still there.
    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        let _ = panic;
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl<F> Service for F
where
    F: Fn(Request) -> Response + Send + Sync + 'static,
{
    fn call(&self, request: Request) -> Response {
        self(request)
    }
}
