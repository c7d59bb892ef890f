//! `GET /plaintext`: the floor under every other number.

use axum::response::IntoResponse;
use contract::headers::TEXT;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

/// Thirteen bytes, no waiting, no computing.
pub(crate) async fn plaintext() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(TEXT))], "Hello, World!")
}
