//! DO NOT COPY: a task in the background is no queue; see `docs/src/pitfalls.md`.
//!
//! `POST /pitfalls/background/{seconds}`: says 202, and then does it in a task of this process.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::pitfalls::trace;
use contract::{Promised, Wait};
use http::StatusCode;

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Path;

/// Nobody holds the task: a kill loses it, a drain does not wait for it, and what becomes of it is told to nobody.
pub(crate) async fn background(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> impl IntoResponse {
    tokio::spawn(async move {
        sleep(wait.duration()).await;
        app.store.add_note(trace("done in the background"), None).await
    });
    (StatusCode::ACCEPTED, Json(Promised::after(wait)))
}
