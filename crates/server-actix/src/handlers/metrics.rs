//! `GET /metrics`: Prometheus text.

use actix_web::HttpResponse;
use actix_web::web::Data;
use contract::headers::METRICS;
use metrics::gauge;

use crate::app::App;

/// What the process tells about itself.
pub(crate) async fn metrics(app: Data<App>) -> HttpResponse {
    gauge!("http_connections").set(app.drain.open() as f64);
    gauge!("http_in_flight").set(app.drain.in_flight() as f64);
    HttpResponse::Ok().content_type(METRICS).body(app.telemetry.render())
}
