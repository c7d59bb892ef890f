/// Checks the head, calls the handler, completes the reply.
pub(crate) async fn answer(app: &App, router: &Router, request: Request) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    if let Err(refusal) = checked(app, &request) {
        return refused(app, connection, refusal);
    }
    let given = request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes);
    let (id, seen) = (RequestId::of(given), Seen::of(&request));
    let reply = match AssertUnwindSafe(router.clone().oneshot(request)).catch_unwind().await {
        Ok(reply) => reply.into_response(),
        Err(_) => panicked(&id),
    };
    let reply = complete(app, connection, &id, &seen, reply);
    tracing::debug!(id = id.as_str(), method = %seen.method, path = seen.path, status = reply.status().as_u16());
    reply
}
