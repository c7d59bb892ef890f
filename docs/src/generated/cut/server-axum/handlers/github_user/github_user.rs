/// Awaits the upstream in a task: its thread goes on with other tasks meanwhile.
pub(crate) async fn github_user(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.user(&username).await?))
}
