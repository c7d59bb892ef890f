//! `/files`: what is stored, page by page; and a form of files, stored.

use contract::form;
use contract::{FilePage, Listing, StoredFiles};
use http::StatusCode;
use http_blocking::{IntoResponse, Json, State};

use crate::app::App;
use crate::extract::Query;
use crate::form::Form;
use crate::reply::Error;

/// A page of what is stored.
pub(crate) fn list(
    State(app): State<App>,
    Query(listing): Query<Listing>,
) -> Result<Json<FilePage>, Error> {
    Ok(Json(app.files.list(&listing)?))
}

/// Stores every file of the form once the whole form is here: a form that breaks off leaves none.
pub(crate) fn upload(State(app): State<App>, mut form: Form) -> Result<impl IntoResponse, Error> {
    let mut uploads = Vec::new();
    while let Some(mut part) = form.part()? {
        let Some(name) = part.file_name()? else {
            part.skip()?;
            continue;
        };
        let mut upload = app.files.create()?;
        while let Some(chunk) = part.chunk()? {
            upload.write(chunk)?;
        }
        uploads.push((name, upload));
    }
    if uploads.is_empty() {
        return Err(form::no_file().into());
    }
    let mut files = Vec::with_capacity(uploads.len());
    for (name, upload) in uploads {
        files.push(upload.keep(&name)?.0);
    }
    Ok((StatusCode::CREATED, Json(StoredFiles { files })))
}
