//! `GET /docs` and its files: the document to read and to try, from assets inside the binary.

use contract::docs::Asset;
use contract::headers::PAGE_POLICY;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http_blocking::IntoResponse;

use crate::extract::Path;

/// The page itself.
pub(crate) fn page() -> impl IntoResponse {
    answer(contract::docs::page())
}

/// A file the page loads.
pub(crate) fn file(Path(asset): Path<Asset>) -> impl IntoResponse {
    answer(asset)
}

pub(crate) fn answer(asset: Asset) -> impl IntoResponse {
    let media_type = HeaderValue::try_from(asset.media_type).expect("a media type is ASCII");
    let policy = HeaderValue::from_static(PAGE_POLICY);
    ([(CONTENT_TYPE, media_type), (CONTENT_SECURITY_POLICY, policy)], asset.bytes)
}
