//! `GET /healthz`: the process answers. No I/O, no permit, so that a full server is not taken for a dead one.

use axum::Json;
use contract::Health;

/// Alive.
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health::default())
}
