//! `/notes`: rows that are written, read page by page, changed and removed.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::{Draft, DraftHead, JsonBody, Notes, Page};
use http::StatusCode;
use http::header::LOCATION;

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Query};
use crate::reply::Error;

/// Keeps a new note. With an `Idempotency-Key` that was sent before, answers with the note that was made then.
pub(crate) async fn add(
    State(app): State<App>,
    Head(head): Head<DraftHead>,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let draft = Draft::from_body(&body.whole().await?)?;
    let note = app.store.add_note(draft, head.key).await?;
    Ok((StatusCode::CREATED, [(LOCATION, note.location())], Json(note)))
}

/// A page of notes, in the order of ids.
pub(crate) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Result<Json<Notes>, Error> {
    Ok(Json(app.store.notes(page).await?))
}
