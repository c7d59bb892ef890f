//! What a handler may return: anything that says how it becomes a [`Response`].

use std::convert::Infallible;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::{Payload, Response};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Turns a handler's return value into the answer.
pub trait IntoResponse {
    /// The answer.
    fn into_response(self) -> Response;
}

/// Fields that a tuple `(…, fields, body)` sets on its answer, replacing fields of the same name.
pub trait IntoFields {
    /// Sets the fields.
    fn set_on(self, fields: &mut HeaderMap);
}

/// A value as compact JSON, `application/json`. As an extractor it parses the body; see [`crate::FromRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(Payload::empty())
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        with_status(self, Response::new(Payload::empty()))
    }
}

impl IntoResponse for Payload {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        with_type(TEXT, Payload::from(self))
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        with_type(TEXT, Payload::from(self))
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        with_type(BYTES, Payload::from(self))
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        with_type(BYTES, Payload::from(self))
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // 128 bytes hold most replies, so that the text is written into one allocation.
        let mut text = Vec::with_capacity(128);
        match serde_json::to_writer(&mut text, &self.0) {
            Ok(()) => with_type(JSON, Payload::from(text)),
            Err(error) => {
                tracing::error!(%error, "a reply could not be written as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        with_status(self.0, self.1.into_response())
    }
}

impl<F: IntoFields, T: IntoResponse> IntoResponse for (F, T) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        self.0.set_on(response.headers_mut());
        response
    }
}

impl<F: IntoFields, T: IntoResponse> IntoResponse for (StatusCode, F, T) {
    fn into_response(self) -> Response {
        with_status(self.0, (self.1, self.2).into_response())
    }
}

impl IntoFields for HeaderMap {
    fn set_on(self, fields: &mut HeaderMap) {
        fields.extend(self);
    }
}

impl<const N: usize> IntoFields for [(HeaderName, HeaderValue); N] {
    fn set_on(self, fields: &mut HeaderMap) {
        for (name, value) in self {
            fields.insert(name, value);
        }
    }
}

impl<const N: usize> IntoFields for [(HeaderName, &'static str); N] {
    fn set_on(self, fields: &mut HeaderMap) {
        for (name, value) in self {
            fields.insert(name, HeaderValue::from_static(value));
        }
    }
}

impl<const N: usize> IntoFields for [(HeaderName, String); N] {
    /// # Panics
    ///
    /// When a value cannot stand in a field: whoever built it is wrong, and the answer is a 500.
    fn set_on(self, fields: &mut HeaderMap) {
        for (name, value) in self {
            fields.insert(name, HeaderValue::try_from(value).expect("a value of ours is visible"));
        }
    }
}

fn with_status(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response
}

fn with_type(media_type: HeaderValue, payload: Payload) -> Response {
    let mut response = Response::new(payload);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn a_tuple_sets_the_status_and_replaces_fields() {
        let response =
            (StatusCode::CREATED, [(header::CONTENT_TYPE, "text/html")], "made").into_response();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html");
        assert_eq!(response.body().as_bytes().unwrap(), "made");
    }

    #[test]
    fn json_is_compact() {
        let response = Json([1, 2]).into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.body().as_bytes().unwrap(), "[1,2]");
    }
}
