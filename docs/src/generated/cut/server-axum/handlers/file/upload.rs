/// Stores the body as it comes, under a name of its own until it is whole.
pub(crate) async fn upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    mut body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let mut upload = app.files.create().await?;
    while let Some(chunk) = body.chunk().await? {
        upload.write(&chunk).await?;
    }
    let (stored, is_new) = upload.keep(&name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(name.location()).expect("it is percent-encoded");
    Ok((status, [(LOCATION, location)], Json(stored)))
}
