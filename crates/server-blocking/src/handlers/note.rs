//! `/notes/{id}`: one note.

use contract::{Draft, JsonBody, JsonType, Note, NoteId, Problem};
use http::StatusCode;
use http_blocking::{Json, State};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// The note.
pub(crate) fn find(State(app): State<App>, Path(id): Path<NoteId>) -> Result<Json<Note>, Error> {
    let note = app.store.note(id)?;
    Ok(Json(note.ok_or_else(Problem::no_note)?))
}

/// Writes it anew.
pub(crate) fn rewrite(
    State(app): State<App>,
    Path(id): Path<NoteId>,
    Head(JsonType): Head<JsonType>,
    body: Body,
) -> Result<Json<Note>, Error> {
    let draft = Draft::from_body(&body.whole()?)?;
    let note = app.store.rewrite_note(id, draft)?;
    Ok(Json(note.ok_or_else(Problem::no_note)?))
}

/// Removes it.
pub(crate) fn remove(State(app): State<App>, Path(id): Path<NoteId>) -> Result<StatusCode, Error> {
    if !app.store.remove_note(id)? {
        return Err(Problem::no_note().into());
    }
    Ok(StatusCode::NO_CONTENT)
}
