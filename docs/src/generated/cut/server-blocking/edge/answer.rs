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
