//! `GET /metrics`: Prometheus text.

use contract::headers::METRICS;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{IntoResponse, State};
use metrics::gauge;

use crate::app::App;

/// What the process tells about itself.
pub(crate) fn metrics(State(app): State<App>) -> impl IntoResponse {
    gauge!("http_in_flight").set(app.drain.in_flight() as f64);
    ([(CONTENT_TYPE, HeaderValue::from_static(METRICS))], app.telemetry.render())
}
