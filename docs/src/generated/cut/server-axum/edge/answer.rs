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
