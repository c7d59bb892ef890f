/// So many threads are right for what computes. What waits leaves the cores idle, and whoever would compute waits too.
#[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
pub(crate) async fn small_pool(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    let deadline = Deadline::default().bounded(&app.limits, wait.duration());
    app.cpu.offload(deadline, move |_| sleep(wait.duration())).await?;
    Ok(Json(wait.waited()))
}
