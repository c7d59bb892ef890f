//! `GET /openapi.json`: the contract as a document, byte for byte the same from all three servers.

use contract::headers::JSON;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::IntoResponse;

/// The document.
pub(crate) fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(JSON))], contract::openapi::json())
}
