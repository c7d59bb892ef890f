//! `GET /metrics`: Prometheus text.

use actix_web::HttpResponse;
use actix_web::web::Data;
use contract::headers::METRICS;

use crate::app::App;

/// What the process tells about itself.
pub(crate) async fn metrics(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type(METRICS).body(app.telemetry.render())
}
