/// A client with a gigabyte takes a gigabyte; what bounds it here is only `--body-budget`.
pub(crate) async fn buffered_upload(
    State(app): State<App>,
    Path(name): Path<FileName>,
    body: Body<Upload>,
) -> Result<impl IntoResponse, Error> {
    let whole = body.whole().await?;
    let mut upload = app.files.create().await?;
    upload.write(&whole).await?;
    let (stored, is_new) = upload.keep(&name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(stored)))
}
