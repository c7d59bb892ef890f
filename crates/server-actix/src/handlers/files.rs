//! `/files`: what is stored, page by page; and a form of files, stored.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use contract::form;
use contract::{FilePage, Listing, StoredFiles};

use crate::app::App;
use crate::extract::Query;
use crate::form::Form;
use crate::reply::Error;

/// A page of what is stored.
pub(crate) async fn list(
    app: Data<App>,
    Query(listing): Query<Listing>,
) -> Result<Json<FilePage>, Error> {
    Ok(Json(app.files.list(&listing).await?))
}

/// Stores every file of the form once the whole form is here: a form that breaks off leaves none.
pub(crate) async fn upload(app: Data<App>, mut form: Form) -> Result<HttpResponse, Error> {
    let mut uploads = Vec::new();
    while let Some(mut part) = form.part().await? {
        let Some(name) = part.file_name()? else {
            part.skip().await?;
            continue;
        };
        let mut upload = app.files.create().await?;
        while let Some(chunk) = part.chunk().await? {
            upload.write(&chunk).await?;
        }
        uploads.push((name, upload));
    }
    if uploads.is_empty() {
        return Err(form::no_file().into());
    }
    let mut files = Vec::with_capacity(uploads.len());
    for (name, upload) in uploads {
        files.push(upload.keep(&name).await?.0);
    }
    Ok(HttpResponse::Created().json(StoredFiles { files }))
}
