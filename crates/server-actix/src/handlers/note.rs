//! `/notes/{id}`: one note.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use contract::{Draft, JsonBody, JsonType, Note, NoteId, Problem};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// The note.
pub(crate) async fn find(app: Data<App>, Path(id): Path<NoteId>) -> Result<Json<Note>, Error> {
    let note = app.store.note(id).await?;
    Ok(Json(note.ok_or_else(Problem::no_note)?))
}

/// Writes it anew.
pub(crate) async fn rewrite(
    app: Data<App>,
    Path(id): Path<NoteId>,
    Head(JsonType): Head<JsonType>,
    body: Body,
) -> Result<Json<Note>, Error> {
    let draft = Draft::from_body(&body.whole().await?)?;
    let note = app.store.rewrite_note(id, draft).await?;
    Ok(Json(note.ok_or_else(Problem::no_note)?))
}

/// Removes it.
pub(crate) async fn remove(app: Data<App>, Path(id): Path<NoteId>) -> Result<HttpResponse, Error> {
    if !app.store.remove_note(id).await? {
        return Err(Problem::no_note().into());
    }
    Ok(HttpResponse::NoContent().finish())
}
