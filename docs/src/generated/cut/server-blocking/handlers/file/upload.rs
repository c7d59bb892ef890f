/// Stores the body as it comes, under a name of its own until it is whole.
pub(crate) fn upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    mut body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let mut upload = app.files.create()?;
    while let Some(chunk) = body.chunk()? {
        upload.write(chunk)?;
    }
    let (stored, is_new) = upload.keep(&name)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(name.location()).expect("it is percent-encoded");
    Ok((status, [(LOCATION, location)], Json(stored)))
}
