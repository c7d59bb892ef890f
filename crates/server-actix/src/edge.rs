//! What every request meets before its handler, and every reply after it.

use actix_http::body::{BoxBody, MessageBody};
use actix_http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_http::{
    ConnectionType, HttpMessage, Method, Request, Response, StatusCode, Uri, Version,
};
use actix_service::Service;
use actix_web::ResponseError;
use actix_web::dev::ServiceResponse;
use contract::{Problem, RequestId, head, headers};
use http_async::Connection;
use settings::{Panicked, caught_awaiting};

use crate::app::App;
use crate::reply::Error;
use crate::watched::watched;

const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);

/// The fields of a request for the contract to read.
pub(crate) struct Fields<'a>(pub(crate) &'a HeaderMap);

impl head::Fields for Fields<'_> {
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// What every reply carries unless its handler knows better.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static(headers::NOSNIFF)),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(headers::POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static(headers::NO_REFERRER)),
    (CACHE_CONTROL, HeaderValue::from_static(headers::NO_STORE)),
];

/// Checks the head, calls the handler, completes the reply. `OPTIONS *` asks whether anybody is there (RFC 9110 section 9.3.7).
pub(crate) async fn answer<S, B>(
    app: &App,
    routes: &S,
    connection: &Connection,
    request: Request,
) -> Response<BoxBody>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    if let Err(refusal) = checked(app, &request) {
        return refused(app, connection, refusal);
    }
    let given = request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes);
    let (id, seen) = (RequestId::of(given), Seen::of(&request));
    let reply = match caught_awaiting(async { routes.call(request).await }).await {
        Ok(_) if seen.uri.path() == "*" => Response::new(StatusCode::OK),
        Ok(Ok(reply)) => Response::from(reply.into_parts().1).map_into_boxed_body(),
        Ok(Err(error)) => error.error_response().into(),
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
    head::check(line, &Fields(request.headers()), &app.limits)
}

/// What the transport would have refused, had it looked: a status, a close, no content.
fn refused(app: &App, connection: &Connection, refusal: head::Refusal) -> Response<BoxBody> {
    let status = refusal.status().as_u16();
    app.answers.count(status);
    let mut reply = Response::new(StatusCode::from_u16(status).expect("it was a status before"));
    close(connection, &mut reply);
    reply
}

/// The client learns the id to ask for, and nothing else.
fn panicked(id: &RequestId, panic: &Panicked) -> Response<BoxBody> {
    log_panic(id, panic);
    Error::from(Problem::internal()).error_response().into()
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
    mut reply: Response<BoxBody>,
) -> Response<BoxBody> {
    app.answers.count(reply.status().as_u16());
    let problem = reply.extensions_mut().remove::<Problem>();
    if let Some(problem) = problem.or_else(|| of_framework(&reply)) {
        reply = describe(problem, seen, reply);
    }
    reply = reply.map_body(|_, body| watched(body, id));
    let fields = reply.headers_mut();
    for (name, value) in ALWAYS {
        if !fields.contains_key(&name) {
            fields.insert(name, value);
        }
    }
    let id = HeaderValue::from_bytes(id.as_bytes()).expect("an id is visible ASCII");
    fields.insert(REQUEST_ID, id);
    if connection.has_unread_body() || app.drain.wants_close() {
        close(connection, &mut reply);
    }
    reply
}

/// actix-web answers a known path with an unknown method by itself, because only it knows what to allow.
fn of_framework(reply: &Response<BoxBody>) -> Option<Problem> {
    (reply.status() == StatusCode::METHOD_NOT_ALLOWED).then(Problem::method_not_allowed)
}

/// The problem as the body, told which request it answers.
fn describe(problem: Problem, seen: &Seen, mut reply: Response<BoxBody>) -> Response<BoxBody> {
    let problem = problem.at(seen.uri.path());
    let body = problem.to_json();
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(headers::PROBLEM));
    if let Some(seconds) = problem.retry_after {
        fields.insert(RETRY_AFTER, seconds.into());
    }
    // For a HEAD actix-http sends the length and keeps the body back.
    reply.set_body(BoxBody::new(body))
}

fn close(connection: &Connection, reply: &mut Response<BoxBody>) {
    connection.close_after_reply();
    reply.head_mut().set_connection_type(ConnectionType::Close);
}
