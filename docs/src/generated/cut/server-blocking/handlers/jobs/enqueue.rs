/// Kept, with its input, before it is answered: whatever is killed then, the job ends once.
pub(crate) fn enqueue(
    State(app): State<App>,
    Path(kind): Path<Kind>,
    Query(asked): Query<Asked>,
    Head(head): Head<JobHead>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let order = Order::new(kind, asked, head.passphrase)?;
    let body = body.whole()?;
    let job = NewJob { order, input: body.bytes.into() };
    let job = app.store.enqueue(job, head.key)?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, job.location())], Json(job)))
}
