//! What a handler may ask for: values taken from the request, in the order of its arguments.

use std::convert::Infallible;

use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::{Body, IntoResponse, Json, Request, Response};

/// A value that can be taken from a request. Nothing stops two arguments from asking for the body: the second gets an
/// empty one, so ask for it last, and once.
pub trait FromRequest<S>: Sized {
    /// The answer when it cannot be taken.
    type Rejection: IntoResponse;

    /// Takes the value.
    ///
    /// # Errors
    /// The rejection, which becomes the answer.
    fn from_request(request: &mut Request, state: &S) -> Result<Self, Self::Rejection>;
}

/// What [`Router::with_state`](crate::Router::with_state) was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<S: Clone> FromRequest<S> for State<S> {
    type Rejection = Infallible;

    fn from_request(_: &mut Request, state: &S) -> Result<Self, Infallible> {
        Ok(Self(state.clone()))
    }
}

impl<S> FromRequest<S> for Body {
    type Rejection = Infallible;

    fn from_request(request: &mut Request, _: &S) -> Result<Self, Infallible> {
        Ok(std::mem::take(request.body_mut()))
    }
}

impl<S> FromRequest<S> for HeaderMap {
    type Rejection = Infallible;

    fn from_request(request: &mut Request, _: &S) -> Result<Self, Infallible> {
        Ok(request.headers().clone())
    }
}

/// The whole request: for the last argument, since it leaves nothing behind.
impl<S> FromRequest<S> for Request {
    type Rejection = Infallible;

    fn from_request(request: &mut Request, _: &S) -> Result<Self, Infallible> {
        Ok(std::mem::take(request))
    }
}

/// How much JSON [`Json`] reads as an extractor.
const JSON_LIMIT: u64 = 1024 * 1024;

/// A body of at most 1 MiB that is JSON. Plain statuses answer what is not: 415, 413, 400, 422.
impl<T: DeserializeOwned, S> FromRequest<S> for Json<T> {
    type Rejection = Response;

    fn from_request(request: &mut Request, _: &S) -> Result<Self, Response> {
        if !says_json(request.headers()) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let text = request
            .body_mut()
            .read_whole(JSON_LIMIT)
            .map_err(|error| error.status().into_response())?;
        serde_json::from_slice(&text).map(Self).map_err(|error| {
            let status = match error.classify() {
                serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            };
            status.into_response()
        })
    }
}

fn says_json(fields: &HeaderMap) -> bool {
    let Some(Ok(value)) = fields.get(http::header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim();
    let Some((family, subtype)) = media_type.split_once('/') else { return false };
    let subtype = subtype.to_ascii_lowercase();
    family.eq_ignore_ascii_case("application") && (subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(media_type: &str, text: &'static str) -> Request {
        http::Request::builder()
            .header("content-type", media_type)
            .body(Body::from(text.as_bytes()))
            .unwrap()
    }

    #[test]
    fn json_is_parsed_when_the_type_says_so() {
        let mut request = post("application/json; charset=utf-8", "[1,2]");
        let Json(numbers) = Json::<Vec<u8>>::from_request(&mut request, &()).unwrap();
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn what_is_not_json_is_refused_with_the_status_that_says_why() {
        for (media_type, text, status) in [
            ("text/plain", "[1]", 415),
            ("application/json", "[1", 400),
            ("application/json", "[-1]", 422),
        ] {
            let refused = Json::<Vec<u8>>::from_request(&mut post(media_type, text), &());
            assert_eq!(refused.unwrap_err().status(), status, "{media_type} {text}");
        }
    }
}
