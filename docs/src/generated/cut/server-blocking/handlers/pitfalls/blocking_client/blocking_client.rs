/// The same as `/github-user`: this thread is the connection's own, and blocking is what it is for.
pub(crate) fn blocking_client(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.user(&username)?))
}
