//! `GET /` and its files: the API to try in a browser, from text inside the binary.

use actix_web::HttpResponse;
use contract::page::{self, PageFile};

use crate::extract::Path;
use crate::handlers::docs;

/// The page itself.
pub(crate) async fn index() -> HttpResponse {
    docs::answer(page::index())
}

/// A file the page loads.
pub(crate) async fn file(Path(PageFile(asset)): Path<PageFile>) -> HttpResponse {
    docs::answer(asset)
}
