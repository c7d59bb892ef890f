//! What every request meets before its handler, and every reply after it.

use contract::{Problem, RequestId, headers};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_blocking::{IntoResponse, Payload, Request, Response, Router, Service};
use settings::{Panicked, caught};

use crate::app::App;
use crate::reply::Error;
use crate::watched::watched;

const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);

/// What every reply carries unless its handler knows better; `serve` hands it to `http-blocking`.
pub(crate) const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static(headers::NOSNIFF)),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(headers::POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static(headers::NO_REFERRER)),
    (CACHE_CONTROL, HeaderValue::from_static(headers::NO_STORE)),
];

/// Calls the handler, completes the reply. `OPTIONS *` asks whether anybody is there (RFC 9110 section 9.3.7).
///
/// `http-blocking` has checked the head, by the same rules as the other two servers' `edge`.
pub(crate) fn answer(app: &App, router: &Router, request: Request) -> Response {
    let given = request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes);
    let (id, seen) = (RequestId::of(given), Seen::of(&request));
    let reply = match caught(|| router.call(request)) {
        Ok(_) if seen.uri.path() == "*" => StatusCode::OK.into_response(),
        Ok(reply) => reply,
        Err(panic) => panicked(&id, &panic),
    };
    let reply = complete(app, &id, &seen, reply);
    tracing::debug!(id = id.as_str(), method = %seen.method, path = seen.uri.path(), status = reply.status().as_u16());
    reply
}

/// What the reply needs to know of its request.
struct Seen {
    method: Method,
    uri: Uri,
}

impl Seen {
    fn of(request: &Request) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone() }
    }
}

/// The client learns the id to ask for, and nothing else.
fn panicked(id: &RequestId, panic: &Panicked) -> Response {
    log_panic(id, panic);
    Error::from(Problem::internal()).into_response()
}

/// Logged once, and counted.
pub(crate) fn log_panic(id: &RequestId, panic: &Panicked) {
    panic.count();
    let Panicked { place, message } = panic;
    tracing::error!(id = id.as_str(), place, message, "panicked");
}

/// Writes the problem, if it is one, and the request's id.
fn complete(app: &App, id: &RequestId, seen: &Seen, mut reply: Response) -> Response {
    app.answers.count(reply.status().as_u16());
    if let Some(problem) = reply.extensions_mut().remove::<Problem>() {
        describe(problem, seen, &mut reply);
    }
    if reply.body().as_bytes().is_none() {
        reply = reply.map(|payload| watched(payload, id.clone()));
    }
    let id = HeaderValue::from_bytes(id.as_bytes()).expect("an id is visible ASCII");
    reply.headers_mut().insert(REQUEST_ID, id);
    reply
}

/// The problem as the body, told which request it answers.
fn describe(problem: Problem, seen: &Seen, reply: &mut Response) {
    let problem = problem.at(seen.uri.path());
    let body = problem.to_json();
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(headers::PROBLEM));
    if let Some(seconds) = problem.retry_after {
        fields.insert(RETRY_AFTER, seconds.into());
    }
    *reply.body_mut() = Payload::from(body);
}
