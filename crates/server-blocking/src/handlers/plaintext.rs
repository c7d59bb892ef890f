//! `GET /plaintext`: the floor under every other number.

use contract::headers::TEXT;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::IntoResponse;

/// Thirteen bytes, no waiting, no computing.
pub(crate) fn plaintext() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(TEXT))], "Hello, World!")
}
