/// A client that leaves is not noticed before the reply is written: the thread takes both steps.
pub(crate) fn dropped_future(
    State(app): State<App>,
    Path(wait): Path<Wait>,
) -> Result<Json<Waited>, Error> {
    transfer(&app, wait)?;
    Ok(Json(wait.waited()))
}
