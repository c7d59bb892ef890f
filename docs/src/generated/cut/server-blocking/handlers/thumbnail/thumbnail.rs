/// Computing inline holds this thread and no other: the kernel shares the cores among them.
pub(crate) fn thumbnail(
    State(app): State<App>,
    Query(asked): Query<Thumbnail>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let image = body.whole()?;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let work = move |go_on: &dyn Fn() -> bool| compute::thumbnail(&image, asked.width, go_on);
    let jpeg = match asked.placement {
        Placement::Inline => app.cpu.inline(deadline, work)??,
        Placement::Offload => app.cpu.offload(deadline, work)??,
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(JPEG))], jpeg))
}
