//! `GET /plaintext`: the floor under every other number.

use actix_web::HttpResponse;
use contract::headers::TEXT;

/// Thirteen bytes, no waiting, no computing.
pub(crate) async fn plaintext() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("Hello, World!")
}
