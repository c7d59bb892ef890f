//! `/notes`: rows that are written, read page by page, changed and removed.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use contract::{Draft, DraftHead, JsonBody, Notes, Page};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Query};
use crate::reply::Error;

/// Keeps a new note. With an `Idempotency-Key` that was sent before, answers with the note that was made then.
pub(crate) async fn add(
    app: Data<App>,
    Head(head): Head<DraftHead>,
    body: Body,
) -> Result<HttpResponse, Error> {
    let draft = Draft::from_body(&body.whole().await?)?;
    let note = app.store.add_note(draft, head.key).await?;
    Ok(HttpResponse::Created().insert_header((LOCATION, note.location())).json(note))
}

/// A page of notes, in the order of ids.
pub(crate) async fn list(app: Data<App>, Query(page): Query<Page>) -> Result<Json<Notes>, Error> {
    Ok(Json(app.store.notes(page).await?))
}
