//! `GET /` and its files: the API to try in a browser, from text inside the binary.

use axum::response::IntoResponse;
use contract::page::{self, PageFile};

use crate::extract::Path;
use crate::handlers::docs;

/// The page itself.
pub(crate) async fn index() -> impl IntoResponse {
    docs::answer(page::index())
}

/// A file the page loads.
pub(crate) async fn file(Path(PageFile(asset)): Path<PageFile>) -> impl IntoResponse {
    docs::answer(asset)
}
