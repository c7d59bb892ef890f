//! What a worker answers: whether it lives, whether its database does, and what it counts.

use contract::headers::{METRICS, PROBLEM};
use contract::{Health, Problem, Ready};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{IntoResponse, Json, Response, Router, State, get};
use io_blocking::Store;
use metrics::gauge;
use settings::Telemetry;

/// What the page needs.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) store: Store,
    pub(crate) telemetry: Telemetry,
}

pub(crate) fn routes(page: Page) -> Router {
    Router::new()
        .route("/healthz", get(|| Json(Health::default())))
        .route("/readyz", get(readyz))
        .route("/metrics", get(counted))
        .with_state(page)
}

fn readyz(State(page): State<Page>) -> Result<Json<Ready>, Response> {
    let refused = |problem: Problem| {
        let fields = [(CONTENT_TYPE, HeaderValue::from_static(PROBLEM))];
        (problem.status(), fields, problem.at("/readyz").to_json()).into_response()
    };
    page.store.ready().map_err(refused)?;
    Ok(Json(Ready::default()))
}

fn counted(State(page): State<Page>) -> impl IntoResponse {
    if let Ok(queued) = page.store.queued() {
        gauge!("jobs_queued").set(queued as f64);
    }
    ([(CONTENT_TYPE, HeaderValue::from_static(METRICS))], page.telemetry.render())
}
