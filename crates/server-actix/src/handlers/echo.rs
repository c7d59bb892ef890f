//! `POST /echo`: read the whole body, tell its length.

use actix_web::HttpResponse;
use contract::headers::TEXT;

use crate::body::Body;
use crate::reply::Error;

/// Counts the bytes as they come and keeps none of them.
pub(crate) async fn echo(mut body: Body) -> Result<HttpResponse, Error> {
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len();
    }
    Ok(HttpResponse::Ok().content_type(TEXT).body(format!("len={length}")))
}
