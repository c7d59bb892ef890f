//! `GET /healthz`: the process answers. No I/O, no permit, so that a full server is not taken for a dead one.

use contract::Health;
use http_blocking::Json;

/// Alive.
pub(crate) fn healthz() -> Json<Health> {
    Json(Health::default())
}
