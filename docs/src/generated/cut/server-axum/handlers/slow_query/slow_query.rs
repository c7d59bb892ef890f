/// This task waits, which costs nothing; the connection waits too, and the size of the pool is the limit all the same.
pub(crate) async fn slow_query(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    app.store.wait(wait.duration()).await?;
    Ok(Json(wait.waited()))
}
