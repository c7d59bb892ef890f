//! `GET /openapi.json`: the contract as a document, byte for byte the same from all three servers.

use axum::response::IntoResponse;
use contract::headers::JSON;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

/// The document.
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(JSON))], contract::openapi::json())
}
