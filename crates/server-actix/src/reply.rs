//! What handlers answer with: a failure that becomes a problem, and the answer that needs no handler.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use contract::Problem;

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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut reply = HttpResponse::new(self.status_code());
        reply.extensions_mut().insert(self.0.clone());
        reply
    }
}

/// A path that leads nowhere.
pub(crate) async fn not_found() -> Result<HttpResponse, Error> {
    Err(Problem::not_found().into())
}
