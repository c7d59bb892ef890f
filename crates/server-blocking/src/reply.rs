//! What handlers answer with: a failure that becomes a problem, and the two answers that need no handler.

use contract::Problem;
use http_blocking::{IntoResponse, Response};

/// A failure on its way to the client.
///
/// It travels as the problem itself; `edge` writes the body, because only there the request's path is known.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) Problem);

impl<P: Into<Problem>> From<P> for Error {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut reply = self.0.status().into_response();
        reply.extensions_mut().insert(self.0);
        reply
    }
}

/// A path that leads nowhere.
pub(crate) fn not_found() -> Error {
    Problem::not_found().into()
}

/// A path that does not answer this method.
pub(crate) fn method_not_allowed() -> Error {
    Problem::method_not_allowed().into()
}
