/// Computing inline holds this worker: no other task runs on it until the picture is done.
pub(crate) async fn thumbnail(
    State(app): State<App>,
    Query(asked): Query<Thumbnail>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let image = body.whole().await?;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let work = move |go_on: &dyn Fn() -> bool| compute::thumbnail(&image, asked.width, go_on);
    let jpeg = match asked.placement {
        Placement::Inline => app.cpu.inline(deadline, work).await??,
        Placement::Offload => app.cpu.offload(deadline, work).await??,
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(JPEG))], jpeg))
}
