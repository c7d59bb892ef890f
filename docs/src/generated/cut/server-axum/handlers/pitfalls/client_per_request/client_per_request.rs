/// The client reads its certificates, connects, asks once, and goes, and its connection with it.
pub(crate) async fn client_per_request(
    State(app): State<App>,
    Path(username): Path<Username>,
) -> Result<Json<Profile>, Error> {
    Ok(Json(app.github.apart().user(&username).await?))
}
