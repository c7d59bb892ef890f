//! DO NOT COPY: panics in a handler.
//!
//! `GET /pitfalls/panic`: what the client sees and what the log says when a handler panics.

use actix_web::web::Json;
use contract::Health;

/// Panics; `edge` turns it into a 500 that says nothing of the inside.
pub(crate) async fn panic() -> Json<Health> {
    panic!("a handler panicked on purpose")
}
