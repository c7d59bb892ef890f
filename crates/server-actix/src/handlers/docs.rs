//! `GET /docs` and its files: the document to read and to try, from assets inside the binary.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use contract::docs::Asset;
use contract::headers::PAGE_POLICY;

use crate::extract::Path;

/// The page itself.
pub(crate) async fn page() -> HttpResponse {
    answer(contract::docs::page())
}

/// A file the page loads.
pub(crate) async fn file(Path(asset): Path<Asset>) -> HttpResponse {
    answer(asset)
}

pub(crate) fn answer(asset: Asset) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(asset.media_type)
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(asset.bytes)
}
