//! `GET /metrics`: Prometheus text.

use contract::headers::METRICS;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::IntoResponse;
use http_blocking::State;

use crate::app::App;

/// What the process tells about itself.
pub(crate) fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(METRICS))], app.telemetry.render())
}
