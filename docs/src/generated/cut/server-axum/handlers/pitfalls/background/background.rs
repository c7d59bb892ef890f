/// Nobody holds the task: a kill loses it, a drain does not wait for it, and what becomes of it is told to nobody.
pub(crate) async fn background(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> impl IntoResponse {
    tokio::spawn(async move {
        sleep(wait.duration()).await;
        app.store.add_note(trace("done in the background"), None).await
    });
    (StatusCode::ACCEPTED, Json(Promised::after(wait)))
}
