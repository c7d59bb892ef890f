/// The body, a chunk at a time: multer takes all that is ready before it looks at any of it, which could be everything.
fn sips(body: Body<Upload>, ration: Ration) -> impl Stream<Item = Result<Bytes, Refused>> {
    try_unfold((body, ration), |(mut body, ration)| async move {
        yield_now().await;
        if ration.is_used_up() {
            return Err(Refused(form::part_head_too_large()));
        }
        let chunk = body.chunk().await.map_err(|Error(problem)| Refused(problem))?;
        Ok(chunk.map(|chunk| {
            ration.take(chunk.len());
            (chunk, (body, ration))
        }))
    })
}
