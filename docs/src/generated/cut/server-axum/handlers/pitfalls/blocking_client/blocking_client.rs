/// A good client, in the wrong place: until the upstream has answered, no other task runs on this worker.
pub(crate) async fn blocking_client(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    let library = app.blocking_library.as_ref().ok_or_else(Problem::not_found)?;
    Ok(Json(library.user(&username)?))
}
