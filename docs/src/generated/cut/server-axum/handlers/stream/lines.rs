/// Each chunk, after its interval.
fn lines(count: Count, interval: Interval) -> impl Stream<Item = Vec<u8>> {
    unfold((Lines::new(count, interval), false), move |(mut lines, begun)| async move {
        if begun && !lines.is_done() {
            sleep(interval.0).await;
        }
        Some((lines.chunk()?, (lines, true)))
    })
}
