//! What every request meets before its handler, and every reply after it.

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use contract::{Problem, RequestId, head, headers};
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use http_async::Connection;
use settings::{Panicked, caught_awaiting};
use tower::ServiceExt;

use crate::app::App;
use crate::reply::Error;
use crate::watched::watched;

const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);

/// What every reply carries unless its handler knows better.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static(headers::NOSNIFF)),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(headers::POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static(headers::NO_REFERRER)),
    (CACHE_CONTROL, HeaderValue::from_static(headers::NO_STORE)),
];

/// Checks the head, calls the handler, completes the reply. `OPTIONS *` asks whether anybody is there (RFC 9110 section 9.3.7).
pub(crate) async fn answer(
    app: &App,
    router: &Router,
    connection: &Connection,
    request: Request,
) -> Response {
    if let Err(refusal) = checked(app, &request) {
        return refused(app, connection, refusal);
    }
    let given = request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes);
    let (id, seen) = (RequestId::of(given), Seen::of(&request));
    let reply = match caught_awaiting(router.clone().oneshot(request)).await {
        Ok(_) if seen.uri.path() == "*" => StatusCode::OK.into_response(),
        Ok(reply) => reply.into_response(),
        Err(panic) => panicked(&id, &panic),
    };
    let reply = complete(app, connection, &id, &seen, reply);
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

fn checked(app: &App, request: &Request) -> Result<(), head::Refusal> {
    let uri = request.uri();
    let line = head::Line {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query(),
        authority: uri.authority().map(|authority| authority.as_str()),
        has_scheme: uri.scheme().is_some(),
        is_http11: request.version() == Version::HTTP_11,
    };
    head::check(line, request.headers(), &app.limits)
}

/// What the transport would have refused, had it looked: a status, a close, no content.
fn refused(app: &App, connection: &Connection, refusal: head::Refusal) -> Response {
    app.answers.count(refusal.status().as_u16());
    let mut reply = refusal.status().into_response();
    close(connection, &mut reply);
    reply
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

/// Writes the problem, if it is one, and the fields that every reply carries.
fn complete(
    app: &App,
    connection: &Connection,
    id: &RequestId,
    seen: &Seen,
    mut reply: Response,
) -> Response {
    app.answers.count(reply.status().as_u16());
    if let Some(problem) = reply.extensions_mut().remove::<Problem>() {
        describe(problem, seen, &mut reply);
    }
    let is_whole = reply.body().size_hint().exact().is_some();
    if !is_whole {
        reply = reply.map(|body| watched(body, id.clone()));
    }
    let fields = reply.headers_mut();
    if is_whole && seen.method != Method::HEAD {
        // hyper asks the body and says its length anyhow; as the seventh field of most replies it would make the map
        // grow.
        fields.remove(CONTENT_LENGTH);
    }
    for (name, value) in ALWAYS {
        fields.entry(name).or_insert(value);
    }
    let id = HeaderValue::from_bytes(id.as_bytes()).expect("an id is visible ASCII");
    fields.insert(REQUEST_ID, id);
    if connection.has_unread_body() || app.drain.wants_close() {
        close(connection, &mut reply);
    }
    reply
}

/// The problem as the body, told which request it answers.
fn describe(problem: Problem, seen: &Seen, reply: &mut Response) {
    let problem = problem.at(seen.uri.path());
    let body = problem.to_json();
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(headers::PROBLEM));
    fields.insert(CONTENT_LENGTH, body.len().into());
    if let Some(seconds) = problem.retry_after {
        fields.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(Ok(list)) = fields.get(ALLOW).map(|list| list.to_str()) {
        // axum writes `GET,HEAD`; RFC 9110 and the other two write `GET, HEAD`.
        let list = HeaderValue::try_from(list.replace(',', ", "));
        fields.insert(ALLOW, list.expect("a list of methods with spaces is one still"));
    }
    if seen.method != Method::HEAD {
        *reply.body_mut() = Body::from(body);
    }
}

fn close(connection: &Connection, reply: &mut Response) {
    connection.close_after_reply();
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}
