//! `POST /echo`: read the whole body, tell its length.

use contract::headers::TEXT;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::IntoResponse;

use crate::body::Body;
use crate::reply::Error;

/// Counts the bytes as they come and keeps none of them.
pub(crate) fn echo(mut body: Body) -> Result<impl IntoResponse, Error> {
    let mut length = 0;
    while let Some(chunk) = body.chunk()? {
        length += chunk.len();
    }
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(TEXT))], format!("len={length}")))
}
