//! `GET /openapi.json`: the contract as a document, byte for byte the same from all three servers.

use actix_web::HttpResponse;
use contract::headers::JSON;

/// The document.
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).body(contract::openapi::json())
}
